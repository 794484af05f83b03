// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What a verifier found, with its evidence.
 *
 * @param value the verdict
 * @param score 1.0 for correct, 0.0 for incorrect, null where there is no verdict to score
 * @param extracted the answer taken out of the completion, in its own words; null when there was none
 * @param rule how it was taken and what decided, as {@code extraction:comparison} (for example {@code boxed:number});
 *     null when nothing was compared
 * @param detail one line for a reader: the normalized forms, or the reason why there is no verdict
 * @param params the verifier's parameters, sorted by name; written as JSON by those who store it
 * @param version verifier and version, for example {@code math/1}; a change of any verdict changes it
 * @param micros microseconds of wall clock that the verification took; the only field that differs between two runs
 */
public record Verdict(
    Value value,
    Double score,
    String extracted,
    String rule,
    String detail,
    Map<String, String> params,
    String version,
    long micros) {

  /** The four verdicts; {@link #label} is what tables and files hold. */
  public enum Value {
    /** The answer equals the gold. */
    CORRECT,
    /** The answer was read and differs from the gold, or there is none. */
    INCORRECT,
    /** It could not be decided: neither true nor false. */
    UNDECIDED,
    /** The verifier itself failed; says nothing about the answer. */
    ERROR;

    /** The name in tables and files: lower case. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Verdict {
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(version, "version");
    params = Collections.unmodifiableMap(new TreeMap<>(params));
  }
}
