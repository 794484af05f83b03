// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;

/** The tensors of a model by their names, for one who loads them and for one who only adds up what they take. */
interface ModelTensors {
  /** Several matrices of the same width as one, rows below each other. */
  Weight matrix(String... names);

  NativeBuffer vector(String name);

  /** Biases of matrices that lie below each other; null when there are none. A missing one among others is zeros. */
  NativeBuffer bias(String... names);
}
