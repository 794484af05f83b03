// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.DType;
import java.util.Locale;

/** How the weights of a model are held: what {@code --weights} says, {@code auto} resolved. */
public enum WeightPrecision {
  F32,
  BF16,
  /** Codes of 8 bits with a scale for each 32 columns; matrices that the file holds as codes keep these. */
  INT8,
  /** Codes of 4 bits, embedding and head of 8; matrices that the file holds as codes of up to 4 bits keep these. */
  INT4,
  /** Each matrix as the file has it: its own codes, BF16, or F32. */
  BLOCKS,
  /** BF16, with native products. */
  BF16_TILES;

  /** What {@code auto} means: the precision of the file. */
  public static WeightPrecision of(Checkpoint checkpoint) {
    boolean bf16 = checkpoint.tensors().stream().filter(t -> t.rows() > 1).allMatch(t -> t.dtype() == DType.BF16);
    boolean blocks =
        checkpoint.tensors().stream().anyMatch(t -> t.rows() > 1 && checkpoint.quantLayout(t.name()) != null);
    return bf16 ? BF16 : blocks ? BLOCKS : F32;
  }

  /** The name that trace keys and runs carry. */
  public String label() {
    return this == BF16_TILES ? BF16.label() : name().toLowerCase(Locale.ROOT);
  }

  /** Names the order of arithmetic that models held so compute with. */
  public String numericsVersion() {
    return this == BF16_TILES ? EngineSpec.NATIVE_NUMERICS_VERSION : EngineSpec.NUMERICS_VERSION;
  }
}
