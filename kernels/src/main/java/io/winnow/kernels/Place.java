// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Where in a mapped file a packed matrix lies. The mapping must outlive it.
 *
 * @param file read-only when the matrix lies there already, and then no source is read; writable when it is to be packed
 * @param offset first byte, a multiple of 64
 */
public record Place(FileMapping file, long offset) {
  public Place {
    if (offset < 0 || offset % 64 != 0) {
      throw new IllegalArgumentException("a packed matrix cannot begin at byte " + offset + ": not a multiple of 64");
    }
  }
}
