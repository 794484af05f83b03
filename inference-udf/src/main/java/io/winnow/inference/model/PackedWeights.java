// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.kernels.FileMapping;
import io.winnow.kernels.Place;

/** A file of packed weights that has been checked and mapped. Owns the mapping. */
record PackedWeights(FileMapping file, PackedIndex index) implements AutoCloseable {
  /** Where the matrix lies whose first name that is. */
  Place place(String firstName) {
    return new Place(file, index.offset(firstName));
  }

  @Override
  public void close() {
    file.close();
  }
}
