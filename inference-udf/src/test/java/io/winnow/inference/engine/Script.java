// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * A made-up language model: the next token is a hash of the prompt, the sample index, the position and everything
 * before it, and some sequences end or break at scripted lengths. {@link #alone} says what becomes of a sample without
 * any engine.
 */
final class Script {
  static final int VOCAB = 1000;
  static final int EOS = 0;
  static final int CONTEXT = 512;
  /** A prompt that holds this token gets logits that are not finite at a scripted place, for odd sample indexes. */
  static final int BREAKS = 999;
  /** A token that no logits say how likely it is. */
  static final int UNSCORABLE = 998;

  private static final int[] LENGTHS = {1, 2, 17, 62, 63, 64, 65, 66, 127, 128, 129, 192, 300};

  private Script() {}

  /** What a sample must be, whatever runs beside it. */
  record Expected(int[] tokens, String text, FinishReason finish) {}

  /** The seed of this run: winnow.seed, else a new one. Printed, so that a failure can be run again. */
  static long seed(String test) {
    Long given = Long.getLong("winnow.seed");
    long seed = given == null ? System.nanoTime() : given;
    System.out.println(test + ": -Dwinnow.seed=" + seed);
    return seed;
  }

  static long mix(long a, long b) {
    long h = a * 0x9E3779B97F4A7C15L + b;
    h = (h ^ h >>> 30) * 0xBF58476D1CE4E5B9L;
    h = (h ^ h >>> 27) * 0x94D049BB133111EBL;
    return h ^ h >>> 31;
  }

  /** What the cache holds for a token: a function of it and of all before it, as keys and values are. */
  static long content(long before, int token, int position) {
    return mix(before, (long) position << 32 | token);
  }

  /**
   * The token drawn after a context; −1 where the script has logits that are not finite.
   *
   * @param last cache content of the context's last position
   * @param count tokens generated so far
   */
  static int draw(long last, boolean breaks, long promptStream, int sample, int count) {
    long fate = mix(promptStream, sample);
    if (breaks && sample % 2 == 1 && count == Math.floorMod(fate, 20)) {
      return -1;
    }
    // One sample in four ends at its first tokens, the others somewhere in the first 150.
    int length = (int) Math.floorMod(fate >>> 8, (fate & 3) == 0 ? 3L : 150L);
    if (count < length && sample % 3 == 1 && Math.floorMod(mix(last, 1), 9) > 0) {
      // Says the same again and again, but for a slip now and then.
      return 1 + (int) Math.floorMod(mix(fate, count % 7), VOCAB - 1L);
    }
    return count == length ? EOS : 1 + (int) Math.floorMod(mix(last, mix(sample, count)), VOCAB - 1L);
  }

  /** How likely a token is behind a context; NaN, as of logits that are not finite, for one. */
  static float score(long last, int token) {
    return token == UNSCORABLE ? Float.NaN : -(mix(last, token) >>> 40) / (float) (1 << 22);
  }

  /** What a request's own tokens must be told, null when it does not ask. */
  static float[] promptLogprobs(GenerationRequest request) {
    if (!request.scoresPrompt()) {
      return null;
    }
    int[] prompt = request.promptTokens();
    float[] out = new float[prompt.length];
    long last = 0;
    for (int p = 0; p < prompt.length; p++) {
      out[p] = p > 0 && p >= request.scoreFrom() ? score(last, prompt[p]) : Float.NaN;
      last = content(last, prompt[p], p);
    }
    return out;
  }

  static boolean breaks(int[] prompt) {
    for (int token : prompt) {
      if (token == BREAKS) {
        return true;
      }
    }
    return false;
  }

  static Expected alone(GenerationRequest request, int sample) {
    int[] prompt = request.promptTokens();
    long last = 0;
    for (int p = 0; p < prompt.length; p++) {
      last = content(last, prompt[p], p);
    }
    long stream = OpenRequest.stream(prompt);
    LetterText text = new LetterText(request.params().stop());
    List<Integer> tokens = new ArrayList<>();
    int limit = Math.min(request.params().maxTokens(), CONTEXT - prompt.length);
    FinishReason finish = limit == 0 ? FinishReason.LENGTH : null;
    while (finish == null) {
      int token = draw(last, breaks(prompt), stream, sample, tokens.size());
      if (token < 0) {
        finish = FinishReason.ERROR;
        break;
      }
      last = content(last, token, prompt.length + tokens.size());
      tokens.add(token);
      if (token == EOS || text.append(token, true)) {
        finish = FinishReason.STOP;
      } else if (tokens.size() == limit) {
        finish = FinishReason.LENGTH;
      }
    }
    return new Expected(tokens.stream().mapToInt(i -> i).toArray(), text.text(), finish);
  }

  static EngineCore.Limits limits(int maxSequences, int maxRows) {
    return new EngineCore.Limits(VOCAB, CONTEXT, Set.of(EOS), maxSequences, maxRows);
  }

  static SamplingParams params(int maxTokens, String... stop) {
    return new SamplingParams(1, 1, 0, 0, 1, maxTokens, List.of(stop), 0, false, 0);
  }

  static GenerationRequest request(long id, int[] prompt, int samples, SamplingParams params) {
    int[] indexes = new int[samples];
    for (int i = 0; i < samples; i++) {
      indexes[i] = i;
    }
    return new GenerationRequest(id, prompt, indexes, params);
  }

  /** Prompts around the borders of pages, some of them equal, some with a common beginning; 1 to 9 samples. */
  static List<GenerationRequest> requests(Random random, int count) {
    List<GenerationRequest> out = new ArrayList<>();
    for (int id = 0; id < count; id++) {
      int[] prompt =
          id > 0 && random.nextInt(4) == 0
              ? out.get(random.nextInt(id)).promptTokens()
              : prompt(random, LENGTHS[random.nextInt(LENGTHS.length)]);
      if (id > 0 && random.nextInt(2) == 0) {
        int[] other = out.get(random.nextInt(id)).promptTokens();
        prompt = prompt.clone();
        System.arraycopy(other, 0, prompt, 0, random.nextInt(Math.min(other.length, prompt.length) + 1));
      }
      int maxTokens = random.nextInt(8) == 0 ? 1 : 1 + random.nextInt(160);
      SamplingParams params = random.nextInt(5) == 0 ? params(maxTokens, "ab", "q") : params(maxTokens);
      out.add(request(id, prompt, 1 + random.nextInt(9), params));
    }
    return out;
  }

  /** The request with tokens that some of its samples are to go on from: any part of what they are in the end. */
  static GenerationRequest cut(GenerationRequest request, Random random) {
    int[][] generated = new int[request.sampleIndexes().length][];
    for (int i = 0; i < generated.length; i++) {
      Expected whole = alone(request, request.sampleIndexes()[i]);
      int most = Math.max(0, whole.tokens().length - (whole.finish() == FinishReason.ERROR ? 0 : 1));
      switch (random.nextInt(4)) {
        case 0 -> generated[i] = null;
        case 1 -> generated[i] = Arrays.copyOf(whole.tokens(), most);
        default -> generated[i] = Arrays.copyOf(whole.tokens(), random.nextInt(most + 1));
      }
    }
    return new GenerationRequest(
        request.requestId(), request.promptTokens(), request.sampleIndexes(), request.params(), generated,
        request.scoreFrom());
  }

  static int[] prompt(Random random, int length) {
    return random.ints(length, 1, VOCAB).toArray();
  }

  /** Pages that one sequence of these requests may take at most: with fewer the engine refuses it. */
  static int pagesOfLongest(List<GenerationRequest> requests) {
    return requests.stream()
        .mapToInt(r -> Math.min(CONTEXT, r.promptTokens().length + r.params().maxTokens()))
        .map(Scheduler::pagesFor)
        .max()
        .orElse(1);
  }
}
