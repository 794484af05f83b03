// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.InterpretException;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.output.RenderedOutputNode;
import com.hubspot.jinjava.tree.parse.ExpressionToken;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A chat template, rendered as transformers renders it: Jinja2 with trim_blocks, lstrip_blocks, loop controls, {@code
 * tojson} without HTML escaping, {@code raise_exception}, {@code strftime_now} and {@code generation}. Thread-safe.
 *
 * <p>Jinjava scans the template and builds its tree; expressions and statements have Python's meaning instead of
 * Java's, because published templates rely on it. A template sees the values it is given and nothing of Java; values
 * are never read as template text.
 */
public final class ChatTemplate {
  /** Marks where the final message ends, to cut there; transformers does the same with a tag of the same kind. */
  private static final String FINAL_MESSAGE_TAG = "\ue0f0WINNOW_END_OF_FINAL_MESSAGE\ue0f1 ";

  private static final Jinjava JINJAVA = jinjava();

  private final String source;
  private final Node tree;
  private final Clock clock;
  private final ConcurrentHashMap<String, Object> parsed = new ConcurrentHashMap<>();
  /** Interpreters cost far more to make than a prompt to render; one that has failed is not used again. */
  private final ConcurrentLinkedQueue<JinjavaInterpreter> idle = new ConcurrentLinkedQueue<>();

  private ChatTemplate(String source, Node tree, Clock clock) {
    this.source = source;
    this.tree = tree;
    this.clock = clock;
  }

  /** Loads what any template needs. */
  static void prepare() {
    JINJAVA.newInterpreter();
  }

  /** @throws InferenceException class template_error when it is no Jinja template */
  public static ChatTemplate of(String source) {
    return of(source, Clock.systemDefaultZone());
  }

  /** @param clock what {@code strftime_now} reads */
  public static ChatTemplate of(String source, Clock clock) {
    JinjavaInterpreter interpreter = JINJAVA.newInterpreter();
    interpreter.getContext().setExpressionStrategy(ChatTemplate::print);
    JinjavaInterpreter.pushCurrent(interpreter);
    try {
      Node tree = interpreter.parse(JinjaSource.plain(source));
      List<TemplateError> errors = interpreter.getErrorsCopy();
      if (!errors.isEmpty()) {
        throw InferenceErrors.templateError(errors.get(0).getMessage());
      }
      return new ChatTemplate(source, tree, clock);
    } catch (InterpretException e) {
      throw InferenceErrors.templateError(e.getMessage());
    } finally {
      JinjavaInterpreter.popCurrent();
    }
  }

  private static RenderedOutputNode print(ExpressionToken token, JinjavaInterpreter interpreter) {
    JinjaRun run = JinjaRun.of(interpreter);
    return new RenderedOutputNode(JinjaValues.str(run.expression(token.getExpr()).in(run.scope)));
  }

  private static Jinjava jinjava() {
    JinjavaConfig config = JinjavaConfig.newBuilder().withNestedInterpretationEnabled(false).build();
    Jinjava jinjava = new Jinjava(config);
    JinjaTags.all().forEach(jinjava::registerTag);
    return jinjava;
  }

  /** The template's text. */
  public String source() {
    return source;
  }

  /**
   * Renders with these variables and nothing else.
   *
   * @param variables strings, numbers, booleans, null, lists and maps of these
   * @throws InferenceException class template_error when the template refuses them
   */
  public String render(Map<String, ?> variables) {
    JinjaScope scope = new JinjaScope(null);
    JinjaGlobals.into(scope, clock);
    JinjaScope top = new JinjaScope(scope);
    variables.forEach((name, value) -> top.set(name, JinjaValues.of(value)));
    JinjaRun run = new JinjaRun(top, parsed);
    JinjavaInterpreter pooled = idle.poll();
    JinjavaInterpreter interpreter = pooled == null ? JINJAVA.newInterpreter() : pooled;
    run.into(interpreter);
    JinjavaInterpreter.pushCurrent(interpreter);
    try {
      String text = run.render(tree.getChildren(), interpreter);
      List<TemplateError> errors = interpreter.getErrorsCopy();
      if (!errors.isEmpty()) {
        throw InferenceErrors.templateError(errors.get(0).getMessage());
      }
      idle.add(interpreter);
      return text;
    } catch (InferenceException e) {
      throw e;
    } catch (StackOverflowError e) {
      throw InferenceErrors.templateError("it calls itself without end");
    } catch (RuntimeException e) {
      Throwable cause = e;
      while (!(cause instanceof JinjaFailure) && cause.getCause() != null) {
        cause = cause.getCause();
      }
      throw InferenceErrors.templateError(cause.getMessage() == null ? cause.toString() : cause.getMessage());
    } finally {
      JinjavaInterpreter.popCurrent();
    }
  }

  /**
   * Renders a conversation as transformers' apply_chat_template does.
   *
   * @param messages role, content and whatever else the template reads
   * @param tools descriptions of tools, or null
   * @param addGenerationPrompt whether the assistant's turn is opened at the end
   * @param continueFinalMessage whether the text ends where the last message's content ends
   * @param variables further variables: special tokens, template arguments
   */
  public String renderChat(
      List<? extends Map<String, ?>> messages,
      List<?> tools,
      boolean addGenerationPrompt,
      boolean continueFinalMessage,
      Map<String, ?> variables) {
    Map<String, Object> all = new HashMap<>();
    all.put("documents", null);
    all.putAll(variables);
    all.put("messages", continueFinalMessage ? withTag(messages) : messages);
    all.put("tools", tools);
    all.put("add_generation_prompt", addGenerationPrompt);
    String text = render(all);
    if (!continueFinalMessage) {
      return text;
    }
    int at = text.lastIndexOf(FINAL_MESSAGE_TAG.strip());
    if (at < 0) {
      throw InferenceErrors.templateError("it leaves out the end of the final message, which is to be continued");
    }
    String before = text.substring(0, at);
    return text.startsWith(FINAL_MESSAGE_TAG, at) ? before : JinjaMethods.strip(before, JinjaValues.NONE, false, true);
  }

  private static List<Map<String, ?>> withTag(List<? extends Map<String, ?>> messages) {
    List<Map<String, ?>> tagged = new ArrayList<>(messages);
    if (tagged.isEmpty()) {
      throw InferenceErrors.templateError("there is no final message to continue");
    }
    Map<String, Object> last = new java.util.LinkedHashMap<>(tagged.get(tagged.size() - 1));
    if (last.get("content") instanceof List<?> parts) {
      List<Object> copy = new ArrayList<>(parts);
      for (int i = copy.size() - 1; i >= 0; i--) {
        if (copy.get(i) instanceof Map<?, ?> part && part.get("text") instanceof String text) {
          Map<Object, Object> changed = new java.util.LinkedHashMap<>(part);
          changed.put("text", text + FINAL_MESSAGE_TAG);
          copy.set(i, changed);
          break;
        }
      }
      last.put("content", copy);
    } else if (last.get("content") instanceof String text) {
      last.put("content", text + FINAL_MESSAGE_TAG);
    } else {
      throw InferenceErrors.templateError("the final message, which is to be continued, has no text");
    }
    tagged.set(tagged.size() - 1, last);
    return tagged;
  }
}
