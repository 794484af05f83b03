// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

/**
 * The one inner loop of the reference: four links of the chains of many independent outputs. Each operand is an array
 * of its own, indexed from 0, and the loop stands in a method of its own: the shape in which the JIT of JDK 17 turns it
 * into vector code (other shapes of the same arithmetic ran at a third of the speed).
 */
final class Rows4 {
  private Rows4() {}

  /** c[n] = fma(a3, w3[n], fma(a2, w2[n], fma(a1, w1[n], fma(a0, w0[n], c[n])))) for n below {@code count}. */
  static void chain(
      float[] w0, float[] w1, float[] w2, float[] w3, float a0, float a1, float a2, float a3, float[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = Math.fma(a3, w3[n], Math.fma(a2, w2[n], Math.fma(a1, w1[n], Math.fma(a0, w0[n], c[n]))));
    }
  }

  /** c[n] = fma(a, w[n], c[n]). */
  static void link(float[] w, float a, float[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = Math.fma(a, w[n], c[n]);
    }
  }

  /** The chains over lines first … first + links − 1 of {@code w}, factors from {@code a} at {@code offset}. */
  static void chains(float[][] w, int first, float[] a, int offset, int links, float[] c, int count) {
    int k = 0;
    for (; k + 4 <= links; k += 4) {
      int i = offset + k;
      int j = first + k;
      chain(w[j], w[j + 1], w[j + 2], w[j + 3], a[i], a[i + 1], a[i + 2], a[i + 3], c, count);
    }
    for (; k < links; k++) {
      link(w[first + k], a[offset + k], c, count);
    }
  }
}
