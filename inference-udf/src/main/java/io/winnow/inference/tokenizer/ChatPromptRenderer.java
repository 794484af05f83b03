// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.Message;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RenderedPrompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Conversations to token ids by a chat template: no BOS beyond the one that the template writes. Without a template:
 * the contents, one to a line, with what the tokenizer's post-processor adds.
 *
 * <p>Control tokens inside messages are text. They are broken up by a character that occurs nowhere else before the
 * template sees them; what the rendered text then holds of whole control tokens is the template's own, and the pieces
 * that hold the character are encoded, without it, by a tokenizer that knows no control tokens. A conversation with
 * no control token in it is encoded whole.
 */
public final class ChatPromptRenderer implements PromptRenderer {
  private static final char FIRST_MARK = '\ue100';
  private static final char LAST_MARK = '\uf8ff';

  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final List<String> controls;
  private final Map<String, Object> variables = new LinkedHashMap<>();

  /**
   * @param template or null for a model without one
   * @param templateArgs further variables; values that are JSON (true, 3, null, [1]) have its types, all others are
   *     strings
   * @param specialTokens bos_token, eos_token and the like
   */
  public ChatPromptRenderer(
      ChatTemplate template, Tokenizer tokenizer, Map<String, String> templateArgs, Map<String, String> specialTokens) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.controls = tokenizer instanceof HfTokenizer hf ? hf.controlTokens() : List.of();
    variables.putAll(specialTokens);
    templateArgs.forEach((name, value) -> variables.put(name, argument(value)));
  }

  private static Object argument(String value) {
    try {
      return TokenizerJson.MAPPER.readValue(value, Object.class);
    } catch (JsonProcessingException e) {
      return value;
    }
  }

  @Override
  public RenderedPrompt render(List<Message> messages) {
    if (messages.isEmpty()) {
      throw InferenceErrors.promptEmpty();
    }
    String mark = Character.toString(unusedMark(messages));
    String text = template == null ? plainText(messages, mark) : chatText(messages, mark);
    int[] ids = template == null ? encodeWithAffixes(text, mark) : encode(text, mark);
    if (ids.length == 0) {
      throw InferenceErrors.promptEmpty();
    }
    return new RenderedPrompt(NativeTokenizer.wellFormed(text.replace(mark, "")), ids);
  }

  private String chatText(List<Message> messages, String mark) {
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      Map<String, Object> turn = new LinkedHashMap<>();
      turn.put("role", broken(message.role(), mark));
      turn.put("content", broken(message.content(), mark));
      message.extra().forEach((name, value) -> turn.putIfAbsent(name, broken(value, mark)));
      turns.add(turn);
    }
    boolean continued = "assistant".equals(messages.get(messages.size() - 1).role());
    return template.renderChat(turns, null, !continued, continued, variables);
  }

  private String plainText(List<Message> messages, String mark) {
    List<String> lines = new ArrayList<>();
    messages.forEach(m -> lines.add(m.content() == null ? "" : (String) broken(m.content(), mark)));
    String text = String.join("\n", lines);
    if (text.isEmpty()) {
      throw InferenceErrors.promptEmpty();
    }
    return text;
  }

  /** A private-use character that no message holds. */
  private char unusedMark(List<Message> messages) {
    StringBuilder all = new StringBuilder(template == null ? "" : template.source());
    messages.forEach(m -> all.append(m.role()).append(m.content()).append(m.extra()));
    return (char)
        IntStream.rangeClosed(FIRST_MARK, LAST_MARK)
            .filter(mark -> all.indexOf(Character.toString(mark)) < 0)
            .findFirst()
            .orElseThrow(() -> InferenceErrors.templateError("the messages use every private-use character"));
  }

  /** Puts the mark into every control token of every string within the value. */
  private Object broken(Object value, String mark) {
    if (value instanceof String text) {
      for (String control : controls) {
        if (text.contains(control)) {
          int first = Character.charCount(control.codePointAt(0));
          text = text.replace(control, control.substring(0, first) + mark + control.substring(first));
        }
      }
      return text;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((k, v) -> copy.put(broken(k, mark), broken(v, mark)));
      return copy;
    }
    if (value instanceof Iterable<?> items) {
      List<Object> copy = new ArrayList<>();
      items.forEach(item -> copy.add(broken(item, mark)));
      return copy;
    }
    return value;
  }

  private int[] encode(String text, String mark) {
    if (!text.contains(mark)) {
      return tokenizer.encode(text);
    }
    List<int[]> parts = new ArrayList<>();
    int begin = 0;
    int pieceBegin = 0;
    for (int at = 0; at <= text.length(); at++) {
      String control = at == text.length() ? "" : controlAt(text, at, mark);
      if (control == null) {
        continue;
      }
      // The piece before this control token; where it is marked, all before it is encoded as it stands.
      if (text.substring(pieceBegin, at).contains(mark)) {
        parts.add(tokenizer.encode(text.substring(begin, pieceBegin)));
        parts.add(tokenizer.encodePlain(text.substring(pieceBegin, at).replace(mark, "")));
        begin = at;
      }
      at += Math.max(0, control.length() - 1);
      pieceBegin = Math.min(text.length(), at + 1);
    }
    parts.add(tokenizer.encode(text.substring(begin)));
    return parts.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** The control token at that position, or null. One of a single character counts where no mark follows it. */
  private String controlAt(String text, int at, String mark) {
    for (String control : controls) {
      if (text.startsWith(control, at) && !text.startsWith(mark, at + control.length())) {
        return control;
      }
    }
    return null;
  }

  /** What the post-processor puts before and after is found from a text that holds no control token. */
  private int[] encodeWithAffixes(String text, String mark) {
    if (!text.contains(mark)) {
      return tokenizer.encodeWithSpecialTokens(text);
    }
    int[] bare = tokenizer.encode("a");
    int[] full = tokenizer.encodeWithSpecialTokens("a");
    int before = 0;
    while (before + bare.length < full.length
        && !Arrays.equals(full, before, before + bare.length, bare, 0, bare.length)) {
      before++;
    }
    int[] middle = tokenizer.encodePlain(text.replace(mark, ""));
    int[] ids = new int[full.length - bare.length + middle.length];
    System.arraycopy(full, 0, ids, 0, before);
    System.arraycopy(middle, 0, ids, before, middle.length);
    System.arraycopy(full, before + bare.length, ids, before + middle.length, full.length - bare.length - before);
    return ids;
  }
}
