// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ExactCosineTest {
  /** Arguments with their cosines, computed to 75 digits by Python's decimal and rounded to the nearest double. */
  private static final double[][] VALUES = {
    {0x0.0p+0, 0x1.0000000000000p+0},
    {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
    {0x1.921fb54442d18p+1, -0x1.0000000000000p+0},
    {0x1.2d97c7f3321d2p+2, -0x1.a79394c9e8a0ap-53},
    {0x1.12e0be826d695p-30, 0x1.0000000000000p+0},
    {0x1.0000000000000p+0, 0x1.14a280fb5068cp-1},
    {0x1.2458136598004p+2, -0x1.26ef200aaa945p-3},
    {0x1.3676fa035faf1p+7, -0x1.1780b651b5231p-2},
    {0x1.e07e06fc7f4edp+2, 0x1.5b8e4819173cfp-2},
    {0x1.4e67a4402a7c8p+4, -0x1.d8d137d590f59p-2},
    {0x1.e240c9fbe76c9p+16, 0x1.a74d27c41b22ap-5},
    {0x1.df5e7689309b5p+25, 0x1.0000000000000p+0},
    {0x1.921fb54442d18p-1, 0x1.6a09e667f3bcdp-1},
    {0x1.2d97c7f3321d2p+1, -0x1.6a09e667f3bccp-1},
    {0x1.fffffffc00000p+29, 0x1.93e7a92b37336p-2},
    {0x1.30983fbed2925p+3, -0x1.fdbfb87bdd068p-1},
    {0x1.5c4e842a6f0f0p+4, -0x1.f36ff4f59bb83p-1},
    {0x1.d98ae8b28d196p+3, -0x1.3a56113dc5be1p-1},
    {0x1.82824255ec9dcp+4, 0x1.1eeb710da1f84p-1},
    {0x1.907603be77d9cp+4, 0x1.fd3cc42461b46p-1},
    {0x1.4f81fc83956d0p+1, -0x1.bc363d8d837edp-1},
    {0x1.0dae331693390p-1, 0x1.ba9a994d439aap-1},
    {0x1.0bfd779ac4f07p+5, -0x1.f5b7496588d15p-2},
    {0x1.4bf91f9820238p+3, -0x1.2a142cbd8bc0cp-1},
  };

  @Test
  void isTheNearestDouble() {
    for (double[] value : VALUES) {
      assertEquals(value[1], ExactCosine.cos(value[0]), () -> "cos " + value[0]);
      assertEquals(value[1], ExactCosine.cos(-value[0]), () -> "cos " + -value[0]);
    }
  }

  @Test
  void isNeverFarFromTheLibrarys() {
    for (double x = -50; x < 50; x += 0.001) {
      double library = StrictMath.cos(x);
      double difference = Math.abs(ExactCosine.cos(x) - library);
      double at = x;
      assertTrue(difference <= Math.ulp(library), () -> "cos " + at);
    }
    assertEquals(StrictMath.cos(1e300), ExactCosine.cos(1e300));
    assertTrue(Double.isNaN(ExactCosine.cos(Double.POSITIVE_INFINITY)));
  }
}
