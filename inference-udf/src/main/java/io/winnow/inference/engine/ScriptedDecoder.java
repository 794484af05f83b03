// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.ScriptParams;
import io.winnow.inference.tokenizer.ByteTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;

/**
 * A step of a made-up model: each token is a hash of the prompt's ids, the seed, the sample index, its own position in
 * the trace and the token before it. So it holds nothing between steps, and what a preempted sequence computes again is
 * what it was. The text is made of syllables; one that ends by itself ends in a boxed number below 20. Where the answer
 * has a format, each token is one of those that it allows.
 */
final class ScriptedDecoder implements StepRunner {
  /** What the operating system says of a process that native code has aborted: 128 + SIGABRT. */
  static final int CRASHED = 134;

  private static final int NOT_FINITE = -1;
  private static final byte[] VOWELS = ascii("aeiou");
  private static final byte[] CONSONANTS = ascii("bdfgklmnprstvz");
  private static final int ANSWERS = 20;
  private static final byte[][] BOXES = new byte[ANSWERS][];
  private static final int SHORTEST = 12;
  private static final int LONGER = 10;

  static {
    for (int answer = 0; answer < ANSWERS; answer++) {
      BOXES[answer] = ascii(" \\boxed{" + answer + "}");
    }
  }

  private final ScriptParams script;
  private final Runnable crash;
  private final byte[] crashWord;
  private final byte[] faultWord;
  private final byte[] nanWord;
  private final long stepNanos;

  /** @param crash ends the process; returns in tests only */
  ScriptedDecoder(ScriptParams script, Runnable crash) {
    this.script = script;
    this.crash = crash;
    this.crashWord = word(script.crash());
    this.faultWord = word(script.fault());
    this.nanWord = word(script.nan());
    this.stepNanos = Math.round(script.stepMillis() * 1e6);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] word(String word) {
    return word == null ? null : word.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void run(StepBatch batch, int[] token, float[] logprob) {
    long end = System.nanoTime() + stepNanos;
    for (int i = 0; i < batch.draws; i++) {
      Sequence s = batch.drawing[i];
      int count = s.count + batch.ahead[i];
      if (count == 0 && breaks(s.request)) {
        token[i] = NOT_FINITE;
        continue;
      }
      long fate = fate(s.request.promptStream, s.request.params().seed(), s.sampleIndex);
      int[] mask = s.mask();
      token[i] =
          mask == null
              ? draw(fate, count, batch.tokens[batch.logitRows[i]])
              : anyOf(mask, mix(mix(fate, batch.tokens[batch.logitRows[i]]), count));
      if (s.logprobs != null) {
        logprob[i] = -(mix(fate, -1 - count) >>> 40) / (float) (1 << 22);
      }
    }
    for (int i = 0; i < batch.scores; i++) {
      OpenRequest request = batch.scoring[i].members.get(0).request;
      int place = batch.scorePlaces[i];
      boolean broken = place == request.prompt().length - 1 && breaks(request);
      batch.scored[i] = broken ? Float.NaN : -(mix(request.promptStream, place) >>> 40) / (float) (1 << 22);
    }
    if (stepNanos > 0) {
      waitUntil(end);
    }
  }

  private static void waitUntil(long end) {
    long left = end - System.nanoTime();
    while (left > 0 && !Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(left);
      left = end - System.nanoTime();
    }
  }

  /** Looks for the words at a sequence's first token; none that holds one gets further. */
  private boolean breaks(OpenRequest request) {
    if (contains(request.prompt(), crashWord)) {
      crash.run();
    }
    if (contains(request.prompt(), faultWord)) {
      throw new IllegalStateException("the prompt holds '" + script.fault() + "', at which the script breaks");
    }
    return contains(request.prompt(), nanWord);
  }

  private static boolean contains(int[] prompt, byte[] word) {
    if (word == null) {
      return false;
    }
    for (int at = 0; at + word.length <= prompt.length; at++) {
      int same = 0;
      while (same < word.length && prompt[at + same] == (word[same] & 0xff)) {
        same++;
      }
      if (same == word.length) {
        return true;
      }
    }
    return false;
  }

  private static long mix(long a, long b) {
    long h = a * 0x9E3779B97F4A7C15L + b;
    h = (h ^ h >>> 30) * 0xBF58476D1CE4E5B9L;
    h = (h ^ h >>> 27) * 0x94D049BB133111EBL;
    return h ^ h >>> 31;
  }

  static long fate(long promptStream, long seed, int sample) {
    return mix(mix(promptStream, seed), sample);
  }

  /** Tokens of the whole trace, the one that ends it included. */
  int length(long fate) {
    double share = (mix(fate, 1) >>> 11) * 0x1p-53;
    int half = script.tokens() / 2;
    int length = script.tokens() - half + (int) Math.floorMod(mix(fate, 2), 2L * half + 1);
    return Math.max(SHORTEST, share < script.tail() ? LONGER * length : length);
  }

  /**
   * The token at a place of a trace.
   *
   * @param count tokens of the trace before it
   * @param before the token before it
   */
  int draw(long fate, int count, int before) {
    int last = length(fate) - 1;
    if (count >= last) {
      return ByteTokenizer.END;
    }
    byte[] box = BOXES[(int) Math.floorMod(fate, (long) ANSWERS)];
    if (count >= last - box.length) {
      return box[count - (last - box.length)];
    }
    long h = mix(mix(fate, before), count) >>> 1;
    if (isIn(CONSONANTS, before)) {
      return VOWELS[(int) (h % VOWELS.length)];
    }
    boolean wordEnds = isIn(VOWELS, before) && h % 5 < 2;
    return wordEnds ? ' ' : CONSONANTS[(int) (h / 5 % CONSONANTS.length)];
  }

  /** One of the tokens of a mask, chosen by a hash; −1 where there is none. */
  private static int anyOf(int[] mask, long hash) {
    int count = 0;
    for (int word : mask) {
      count += Integer.bitCount(word);
    }
    int left = count == 0 ? 0 : (int) Math.floorMod(hash, (long) count);
    for (int i = 0; i < mask.length; i++) {
      int word = mask[i];
      for (; word != 0; word &= word - 1) {
        if (left-- == 0) {
          return 32 * i + Integer.numberOfTrailingZeros(word);
        }
      }
    }
    return -1;
  }

  private static boolean isIn(byte[] letters, int token) {
    for (byte letter : letters) {
      if (letter == token) {
        return true;
      }
    }
    return false;
  }

  /** There is nothing in the pages. */
  @Override
  public void copyPage(int from, int to) {}

  @Override
  public void close() {}
}
