// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.Message;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RenderedPrompt;
import io.winnow.inference.ScoredText;
import io.winnow.inference.ScoredTextEncoder;
import java.util.Arrays;
import java.util.List;

/** Texts to score, by a model's tokenizer and chat template. */
public final class ScoredTexts implements ScoredTextEncoder {
  private final Tokenizer tokenizer;
  private final PromptRenderer renderer;
  /** What the tokenizer puts before a text. */
  private final int[] front;

  public ScoredTexts(ModelText text) {
    tokenizer = text.tokenizer();
    renderer = text.renderer();
    front = front(tokenizer);
  }

  private static int[] front(Tokenizer tokenizer) {
    int[] bare = tokenizer.encode("a");
    int[] full = tokenizer.encodeWithSpecialTokens("a");
    for (int before = 0; before + bare.length <= full.length; before++) {
      if (Arrays.equals(full, before, before + bare.length, bare, 0, bare.length)) {
        return Arrays.copyOf(full, before);
      }
    }
    return new int[0];
  }

  @Override
  public ScoredText answer(List<Message> prompt, String completion) {
    RenderedPrompt rendered = renderer.render(prompt);
    int[] before = rendered.tokenIds();
    int[] plain = tokenizer.encodePlain(completion);
    // A completion that looks like a control token must not become one, and the whole text would make it one.
    if (Arrays.equals(plain, tokenizer.encode(completion))) {
      int[] whole = tokenizer.encode(rendered.text() + completion);
      if (whole.length >= before.length && Arrays.equals(whole, 0, before.length, before, 0, before.length)) {
        return new ScoredText(whole, before.length);
      }
    }
    return new ScoredText(joined(before, plain), before.length);
  }

  @Override
  public ScoredText continuation(String context, String completion) {
    String kept = context.stripTrailing();
    if (kept.isEmpty()) {
      return document(context + completion);
    }
    int[] whole = joined(front, tokenizer.encodePlain(context + completion));
    int[] before = tokenizer.encodePlain(kept);
    return new ScoredText(whole, Math.max(1, Math.min(whole.length, front.length + before.length)));
  }

  @Override
  public ScoredText document(String text) {
    return new ScoredText(joined(front, tokenizer.encodePlain(text)), Math.max(1, front.length));
  }

  private static int[] joined(int[] first, int[] second) {
    int[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
