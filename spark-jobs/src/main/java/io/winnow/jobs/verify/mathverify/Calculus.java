// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;

/** Derivatives and definite integrals at a point, where a simple method gets them to nine digits or so. */
final class Calculus {
  private static final int STEPS = 64;
  /** Nodes and weights of Gauss and Legendre's rule with five points on [-1, 1]. */
  private static final double[] NODES = {
    0, 0.5384693101056831, -0.5384693101056831, 0.9061798459386640, -0.9061798459386640
  };
  private static final double[] WEIGHTS = {
    0.5688888888888889, 0.4786286704993665, 0.4786286704993665, 0.2369268850561891, 0.2369268850561891
  };

  private Calculus() {}

  static Numeric at(Numeric.Point point, Term.Call call, WorkLimit work) {
    String variable = ((Term.Sym) call.args().get(1)).name();
    Term body = call.args().get(0);
    if (call.function().equals("derivative")) {
      Numeric x = point.of(variable);
      return x.isReal() ? derivative(point, body, variable, x.re(), work) : Numeric.NONE;
    }
    if (call.function().equals("limit")) {
      return limit(point, body, variable, Numeric.at(point, call.args().get(2), work), work);
    }
    // Without limits: that antiderivative which is zero at zero.
    boolean limits = call.args().size() == 4;
    Numeric low = limits ? Numeric.at(point, call.args().get(2), work) : Numeric.real(0);
    Numeric high = limits ? Numeric.at(point, call.args().get(3), work) : point.of(variable);
    if (!low.isReal() || !high.isReal()) {
      return Numeric.NONE;
    }
    double half = (high.re() - low.re()) / STEPS / 2;
    Numeric sum = Numeric.real(0);
    for (int i = 0; i < STEPS; i++) {
      double middle = low.re() + (2 * i + 1) * half;
      for (int k = 0; k < NODES.length; k++) {
        Numeric x = Numeric.real(middle + half * NODES[k]);
        Numeric value = Numeric.at(name -> name.equals(variable) ? x : point.of(name), body, work);
        sum = sum.plus(value.times(Numeric.real(half * WEIGHTS[k])));
      }
    }
    return new Numeric(sum.re(), sum.im(), sum.error() + 1e-11 * sum.size());
  }

  /** By values near the place, carried on to it; of both sides alike, or from within where it is infinite. */
  private static Numeric limit(Numeric.Point point, Term body, String variable, Numeric to, WorkLimit work) {
    if (!to.isKnown() || to.im() != 0) {
      return Numeric.NONE;
    }
    double[] values = new double[4];
    for (int i = 0; i < values.length; i++) {
      double h = 1e-2 / (1 << i);
      Numeric x = Numeric.real(Double.isInfinite(to.re()) ? Math.signum(to.re()) / h : to.re() + h);
      Numeric value = Numeric.at(name -> name.equals(variable) ? x : point.of(name), body, work);
      if (!value.isReal()) {
        return Numeric.NONE;
      }
      values[i] = value.re();
    }
    double last = values[3];
    for (int level = 1; level < values.length; level++) {
      double factor = 1 << level;
      for (int i = values.length - 1; i >= level; i--) {
        values[i] = (factor * values[i] - values[i - 1]) / (factor - 1);
      }
    }
    boolean settles = Math.abs(values[3] - last) < 0.01 * (1 + Math.abs(last)) && Math.abs(last) < 1e6;
    return settles ? new Numeric(values[3], 0, 1e-7 * (1 + Math.abs(last))) : Numeric.NONE;
  }

  /** By central differences of two widths, which cancels the error's first term. */
  private static Numeric derivative(Numeric.Point point, Term body, String variable, double x, WorkLimit work) {
    double h = 1e-3 * Math.max(1, Math.abs(x));
    double near = slope(point, body, variable, x, h, work);
    double far = slope(point, body, variable, x, 2 * h, work);
    double value = (4 * near - far) / 3;
    return Double.isNaN(value) ? Numeric.NONE : new Numeric(value, 0, 1e-9 * (1 + Math.abs(value)));
  }

  private static double slope(Numeric.Point point, Term body, String variable, double x, double h, WorkLimit work) {
    Numeric above = Numeric.real(x + h);
    Numeric below = Numeric.real(x - h);
    Numeric high = Numeric.at(name -> name.equals(variable) ? above : point.of(name), body, work);
    Numeric low = Numeric.at(name -> name.equals(variable) ? below : point.of(name), body, work);
    return (high.re() - low.re()) / (2 * h);
  }
}
