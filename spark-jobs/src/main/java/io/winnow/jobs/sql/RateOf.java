// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.estimate.GPassAtK;
import io.winnow.jobs.estimate.Normal;
import io.winnow.jobs.estimate.Wilson;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.IntegralType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.NumericType;

/** {@code winnow_g_pass_at_k(n, c, k, tau)} and others that are made from the counts of a prompt's samples. */
final class RateOf extends SqlFunction {
  /** What is estimated. */
  enum Kind {
    G_PASS("winnow_g_pass_at_k", "n", "c", "k", "tau"),
    MG_PASS("winnow_mg_pass_at_k", "n", "c", "k"),
    WILSON_LOW("winnow_wilson_low", "n", "c", "confidence"),
    WILSON_HIGH("winnow_wilson_high", "n", "c", "confidence");

    final String function;
    private final List<String> what;

    Kind(String function, String... what) {
      this.function = function;
      this.what = List.of(what);
    }

    private boolean counts(int i) {
      return !what.get(i).equals("tau") && !what.get(i).equals("confidence");
    }
  }

  private static final long serialVersionUID = 1L;
  private static final double DEFAULT_CONFIDENCE = 0.95;

  private final Kind kind;
  private transient double confidence;
  private transient double z;

  RateOf(Kind kind, List<Expression> arguments) {
    super(kind.function, arguments);
    this.kind = kind;
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new RateOf(kind, newArguments);
  }

  @Override
  String refusal() {
    for (int i = 0; i < arguments(); i++) {
      DataType type = argument(i).dataType();
      boolean allowed = type instanceof NullType
          || (kind.counts(i) ? type instanceof IntegralType : type instanceof NumericType);
      if (!allowed) {
        return refused(i, kind.what.get(i), kind.counts(i) ? "a whole number" : "a number");
      }
    }
    return null;
  }

  @Override
  public DataType dataType() {
    return DataTypes.DoubleType;
  }

  @Override
  public Object eval(InternalRow input) {
    double[] values = new double[arguments()];
    for (int i = 0; i < values.length; i++) {
      Object value = argument(i).eval(input);
      if (value == null) {
        return null;
      }
      values[i] = value instanceof Decimal decimal ? decimal.toDouble() : ((Number) value).doubleValue();
    }
    long n = (long) values[0];
    long c = (long) values[1];
    return switch (kind) {
      case G_PASS -> GPassAtK.estimate(n, c, (long) values[2], values[3]);
      case MG_PASS -> GPassAtK.mean(n, c, (long) values[2]);
      case WILSON_LOW, WILSON_HIGH -> wilson(n, c, values.length > 2 ? values[2] : DEFAULT_CONFIDENCE);
    };
  }

  private Double wilson(long n, long c, double asked) {
    if (z == 0 || confidence != asked) {
      confidence = asked;
      z = Normal.twoSided(asked);
    }
    Wilson interval = Wilson.of(n, c, z);
    return interval == null ? null : Double.valueOf(kind == Kind.WILSON_LOW ? interval.low() : interval.high());
  }
}
