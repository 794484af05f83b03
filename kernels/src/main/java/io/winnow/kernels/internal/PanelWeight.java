// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.WeightFormat;

/** A weight of the reference: panels of {@link #panel} outputs, the last one padded. */
abstract class PanelWeight extends HeldWeight {
  static final int MAX_PANEL = 128;

  final int panel;

  PanelWeight(int rows, int cols, WeightFormat format, long bytes) {
    super(rows, cols, format, bytes);
    this.panel = panel(rows);
  }

  /** Few outputs: narrower panels, so that every thread of the team gets some. */
  private static int panel(int rows) {
    return rows >= 2048 ? MAX_PANEL : MAX_PANEL / 2;
  }

  /** Outputs with those that pad the last panel. */
  static long paddedRows(int rows) {
    int panel = panel(rows);
    return ((long) rows + panel - 1) / panel * panel;
  }

  final int panels() {
    return (int) (paddedRows(rows) / panel);
  }
}
