// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.PreparedStep;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.StepRows;

/** Runs a plan operation by operation: the meaning of {@link StepPlan}. */
final class StepInterpreter implements PreparedStep {
  private final Kernels kernels;
  private final StepPlan plan;

  StepInterpreter(Kernels kernels, StepPlan plan) {
    this.kernels = kernels;
    this.plan = plan;
  }

  @Override
  public void run(StepRows rows) {
    for (StepPlan.Op op : plan.ops()) {
      run(op, rows);
    }
  }

  private void run(StepPlan.Op op, StepRows rows) {
    RowMap map = rows.map();
    if (op instanceof StepPlan.Embed o) {
      kernels.embed(o.weight(), rows.tokens(), map.count(), o.out());
    } else if (op instanceof StepPlan.RmsNorm o) {
      kernels.rmsNorm(o.x(), count(o.rows(), rows), o.cols(), o.weight(), o.eps(), o.out());
    } else if (op instanceof StepPlan.Matmul o) {
      kernels.matmul(o.x(), count(o.rows(), rows), o.weight(), o.bias(), o.residual(), o.out());
    } else if (op instanceof StepPlan.Rope o) {
      kernels.rope(o.x(), o.stride(), o.heads(), o.headDim(), map, o.cos(), o.sin());
    } else if (op instanceof StepPlan.StoreKv o) {
      kernels.storeKv(new AttentionArgs(o.qkv(), null, o.cache(), o.layer(), o.heads(), 1, 0, map));
    } else if (op instanceof StepPlan.Attention o) {
      kernels.attention(
          new AttentionArgs(o.qkv(), o.out(), o.cache(), o.layer(), o.heads(), o.scale(), o.window(), map));
    } else if (op instanceof StepPlan.SiluMul o) {
      kernels.siluMul(o.gateUp(), map.count(), o.cols(), o.out());
    } else if (op instanceof StepPlan.Gather o) {
      gather(o, rows);
    }
  }

  private static int count(StepPlan.RowSet set, StepRows rows) {
    return set == StepPlan.RowSet.PICKED ? rows.pickedCount() : rows.map().count();
  }

  private static void gather(StepPlan.Gather op, StepRows rows) {
    float[] line = new float[op.cols()];
    for (int i = 0; i < rows.pickedCount(); i++) {
      op.x().read((long) rows.picked()[i] * line.length, line, 0, line.length);
      op.out().write((long) i * line.length, line, 0, line.length);
    }
  }

  @Override
  public void close() {
    // Nothing of its own.
  }
}
