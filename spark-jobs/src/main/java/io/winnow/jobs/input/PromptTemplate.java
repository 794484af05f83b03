// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import java.util.HashMap;
import java.util.Map;

/** A Jinja template over the columns of a row. What the columns hold is text: markup in it is never interpreted. */
final class PromptTemplate {
  private static final long MAX_OUTPUT_BYTES = 64L << 20;

  private final Jinjava jinjava;
  private final String template;

  PromptTemplate(String template) {
    this.template = template;
    jinjava =
        new Jinjava(
            JinjavaConfig.newBuilder()
                .withNestedInterpretationEnabled(false)
                .withFailOnUnknownTokens(true)
                .withMaxOutputSize(MAX_OUTPUT_BYTES)
                .withTrimBlocks(false)
                .withLstripBlocks(false)
                .build());
  }

  /** The template failed for this row. */
  static final class TemplateFailure extends Exception {
    TemplateFailure(String message) {
      super(message, null, false, false);
    }
  }

  /**
   * Renders it; a name that is not a column of the row is an error, so that a typing mistake is not an empty prompt.
   */
  String render(Map<String, Object> row) throws TemplateFailure {
    RenderResult result;
    try {
      result = jinjava.renderForResult(template, new HashMap<>(row));
    } catch (RuntimeException | StackOverflowError e) {
      throw new TemplateFailure(String.valueOf(e.getMessage()));
    }
    for (TemplateError error : result.getErrors()) {
      if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
        throw new TemplateFailure(error.getMessage());
      }
    }
    return result.getOutput();
  }
}
