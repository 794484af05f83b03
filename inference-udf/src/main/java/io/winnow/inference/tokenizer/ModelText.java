// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.PromptRenderer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Everything about a model that is text.
 *
 * @param tokenizer closed with this record
 * @param renderer conversations to prompts
 * @param templateFingerprint SHA-256 (hex) of the chat template in force; of the empty text where there is none
 * @param ends ends of sequence by what the tokenizer and the template say, beside those of the configuration
 */
public record ModelText(
    Tokenizer tokenizer, PromptRenderer renderer, String templateFingerprint, SortedSet<Integer> ends)
    implements AutoCloseable {

  /**
   * Opens a model's tokenizer and chat template.
   *
   * @param model a Hugging Face folder or a GGUF file
   * @param chatTemplateOverride Jinja text in place of the model's own, or null
   * @param templateArgs further variables for the template; values that are JSON have its types
   * @throws io.winnow.inference.InferenceException model_not_found, model_invalid, model_unsupported or template_error
   */
  public static ModelText load(Path model, String chatTemplateOverride, Map<String, String> templateArgs) {
    // Native code and Jinja's classes take longer to load than a vocabulary.
    NativeTokenizer.prepare();
    FutureTask<Void> jinja = new FutureTask<>(ChatTemplate::prepare, null);
    Thread loader = new Thread(jinja, "winnow-template");
    loader.setDaemon(true);
    loader.start();
    TemplateFiles files = TemplateFiles.of(model);
    String source = chatTemplateOverride != null ? chatTemplateOverride : files.template();
    Tokenizer tokenizer = Tokenizers.open(model);
    try {
      join(jinja);
      ChatTemplate template = source == null ? null : ChatTemplate.of(source);
      return of(
          tokenizer, template, source, templateArgs, files.specialTokens(), EndTokens.of(model, files, tokenizer));
    } catch (RuntimeException | Error e) {
      tokenizer.close();
      throw e;
    }
  }

  /** What the task gives or throws. An interrupt is kept for later: what is being made has to be closed by somebody. */
  static <T> T join(FutureTask<T> task) {
    boolean interrupted = false;
    try {
      for (;;) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          if (e.getCause() instanceof Error error) {
            throw error;
          }
          if (e.getCause() instanceof RuntimeException failure) {
            throw failure;
          }
          throw new IllegalStateException(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * The text of a model that is made up: bytes are tokens, and without a template a conversation is its contents, one
   * to a line.
   *
   * @param chatTemplate Jinja text, or null
   * @throws io.winnow.inference.InferenceException template_error
   */
  public static ModelText ofBytes(String chatTemplate, Map<String, String> templateArgs) {
    ChatTemplate template = chatTemplate == null ? null : ChatTemplate.of(chatTemplate);
    return of(new ByteTokenizer(), template, chatTemplate, templateArgs, Map.of(), new TreeSet<>());
  }

  private static ModelText of(
      Tokenizer tokenizer, ChatTemplate template, String source, Map<String, String> templateArgs,
      Map<String, String> specialTokens, SortedSet<Integer> ends) {
    return new ModelText(
        tokenizer,
        new ChatPromptRenderer(template, tokenizer, templateArgs == null ? Map.of() : templateArgs, specialTokens),
        HfTokenizer.sha256(source == null ? "" : source), Collections.unmodifiableSortedSet(ends));
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
