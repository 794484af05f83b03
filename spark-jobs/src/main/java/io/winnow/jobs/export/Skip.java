// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.util.Locale;

/** Why a row of the input has no row in the data set. */
public enum Skip {
  FAILED(false, "the trace failed and has an error"),
  INCORRECT(false, "the verdict is not correct"),
  CUT_OFF(false, "the trace did not finish by itself"),
  SAME_PROMPT(false, "another row of the same prompt stands for it"),
  UNDECIDED(false, "there is no verdict to label it by"),
  THINKING_NEVER_ENDED(false, "the thinking never ended, so there is no answer"),
  NO_ANSWER(false, "nothing stands behind the thinking"),
  NO_GOLD(false, "the prompt has no gold"),
  NO_REWARD(false, "there is no reward"),
  NO_TEXT(true, "there is no text"),
  NO_PROMPT(true, "there is no prompt"),
  BAD_MESSAGES(true, "the messages are no conversation of texts"),
  NOT_ONE_MESSAGE(true, "the prompt is more than one message of the user, which a plain text cannot say"),
  BAD_STEPS(true, "the steps, or as many labels, are not there, or the step token stands in a text"),
  UNREADABLE(true, "the row cannot be read");

  private final boolean fault;
  private final String why;

  Skip(boolean fault, String why) {
    this.fault = fault;
    this.why = why;
  }

  /** Whether the row is broken, and not just one that was not asked for. */
  public boolean fault() {
    return fault;
  }

  /** In words. */
  public String why() {
    return why;
  }

  /** Stable name for programs. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** By its {@link #key}. */
  public static Skip of(String key) {
    return valueOf(key.toUpperCase(Locale.ROOT));
  }
}
