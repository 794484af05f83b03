// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Masks of tokens: what they take out, what they leave alone, and that every implementation reads the same bits. */
@ExtendWith(Seeds.class)
class SampleMaskTest {
  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static int[] only(int vocab, int... ids) {
    int[] mask = new int[(vocab + 31) / 32];
    for (int id : ids) {
      mask[id / 32] |= 1 << id % 32;
    }
    return mask;
  }

  @Test
  void everyBitIsThatOfItsToken(Random random) {
    // One token at a time is allowed, at sizes about whole vectors and words.
    for (int vocab : new int[] {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257}) {
      Draws draws = Draws.repeated(Floats.normal(random, vocab), vocab);
      int[] each = new int[vocab];
      for (int id = 0; id < vocab; id++) {
        draws.mask[id] = only(vocab, id);
        draws.temperature[id] = id % 2;
        each[id] = id;
      }
      KernelsUnderTest.each(2, kernels -> {
        assertArrayEquals(each, draws.run(kernels), "vocabulary of " + vocab);
        for (int id = 0; id < vocab; id++) {
          float raw = PlainSampler.logprob(draws.logits[id], id);
          assertEquals(raw, draws.logprob[id], "the log-probability is that of the raw logits");
        }
      });
    }
  }

  @Test
  void whatIsTakenOutIsNeverDrawnWhateverTheCutsKeep(Random random) {
    int vocab = 77;
    Draws draws = Draws.repeated(Floats.normal(random, vocab), 4000);
    int[] mask = random.ints((vocab + 31) / 32).toArray();
    mask[1] |= 1;
    boolean[] open = new boolean[vocab];
    for (int id = 0; id < vocab; id++) {
      open[id] = (mask[id / 32] >>> id % 32 & 1) != 0;
    }
    for (int r = 0; r < draws.rows; r++) {
      draws.mask[r] = mask;
      draws.topK[r] = new int[] {0, 0, 1, 20, vocab - 1}[r % 5];
      draws.topP[r] = new double[] {1, 0.5, Math.nextDown(1.0)}[r % 3];
      draws.temperature[r] = new float[] {1, Float.POSITIVE_INFINITY, 100, 0}[r % 4];
    }
    KernelsUnderTest.each(2, kernels -> {
      boolean[] drawn = new boolean[vocab];
      draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        assertEquals(PlainSampler.draw(draws, r).token(), draws.token[r], draws.describe(r));
        drawn[draws.token[r]] = true;
      }
      assertArrayEquals(open, drawn, "all that is open is drawn, and nothing else");
    });
  }

  @Test
  void comesAfterPenaltiesAndBiasesAndBeforeAllElse() {
    float[] line = {4, 3, 2, 1};
    Draws draws = new Draws(line, line, line, line);
    Arrays.fill(draws.temperature, 0f);
    for (int r = 0; r < 4; r++) {
      draws.mask[r] = only(4, 1, 2);
    }
    // The bias makes 2 the largest of what is left; a bias of what is masked does nothing.
    draws.biased[1] = new int[] {2, 0};
    draws.bias[1] = new float[] {1.5f, 100f};
    draws.biasCount[1] = 2;
    draws.seen[2] = new int[] {1};
    draws.times[2] = new int[] {1};
    draws.seenCount[2] = 1;
    draws.presence[2] = 1.5f;
    // A bias that is no number refuses the row, though its token is masked.
    draws.biased[3] = new int[] {0};
    draws.bias[3] = new float[] {Float.NaN};
    draws.biasCount[3] = 1;
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {1, 2, 2, -1}, draws.run(kernels)));
  }

  @Test
  void aRowWithNothingLeftIsRefusedAndTouchesNoOther() {
    float[] line = {4, 3, 2, 1, -5};
    Draws draws = new Draws(line, line, line, new float[] {4, 3, Float.NaN, 1, 0});
    Arrays.fill(draws.temperature, 0f);
    // Bits behind the vocabulary are none.
    draws.mask[0] = new int[] {-1 << 5};
    draws.mask[1] = only(5, 4);
    draws.biased[1] = new int[] {4};
    draws.bias[1] = new float[] {Float.NEGATIVE_INFINITY};
    draws.biasCount[1] = 1;
    draws.mask[2] = only(5, 4);
    // A row that is not finite is refused before the mask is looked at.
    draws.mask[3] = only(5, 0);
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {-1, -1, 4, -1}, draws.run(kernels)));
  }

  @Test
  void rowsMayShareAMaskAndHaveNone(Random random) {
    int vocab = 1000;
    Draws draws = Draws.repeated(Floats.normal(random, vocab), 300);
    int[][] masks = {null, Draws.mask(random, vocab), Draws.mask(random, vocab), only(vocab, 7, 993)};
    for (int r = 0; r < draws.rows; r++) {
      draws.mask[r] = masks[random.nextInt(masks.length)];
    }
    KernelsUnderTest.each(2, kernels -> {
      draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        assertEquals(PlainSampler.draw(draws, r).token(), draws.token[r], draws.describe(r));
      }
    });
  }

  @Test
  void aMaskThatIsTooShortIsRefused() {
    Draws draws = new Draws(new float[33]);
    draws.mask[0] = new int[1];
    KernelsUnderTest.each(1, kernels -> assertThrows(IndexOutOfBoundsException.class, () -> draws.run(kernels)));
  }
}
