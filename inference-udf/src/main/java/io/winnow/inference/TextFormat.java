// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Arrays;
import java.util.List;

/** The {@code format}s of JSON Schema that answers are held to, each as a pattern of whole texts. */
public enum TextFormat {
  /** RFC 3339 full-date; the 29th of February in leap years alone. */
  DATE("date", Patterns.DATE),
  /** RFC 3339 full-time, with its offset; without leap seconds. */
  TIME("time", Patterns.TIME),
  /** RFC 3339 date-time. */
  DATE_TIME("date-time", "(?:" + Patterns.DATE + ")T" + Patterns.TIME),
  /** RFC 4122, any version. */
  UUID("uuid", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
  /** RFC 5321 dot-string, and a domain of two labels or more. */
  EMAIL("email", Patterns.ATOM + "(?:\\." + Patterns.ATOM + ")*@" + Patterns.LABEL + "(?:\\." + Patterns.LABEL + ")+"),
  /** RFC 2673 dotted-quad. */
  IPV4("ipv4", Patterns.OCTET + "(?:\\." + Patterns.OCTET + "){3}");

  private static final class Patterns {
    static final String DATE =
        "\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))"
            + "|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29";
    static final String HOUR_MINUTE = "(?:[01]\\d|2[0-3]):[0-5]\\d";
    static final String TIME = HOUR_MINUTE + ":[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+\\-]" + HOUR_MINUTE + ")";
    static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?\\^_`{|}~\\-]+";
    static final String LABEL = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";
    static final String OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

    private Patterns() {}
  }

  private final String text;
  private final String pattern;

  TextFormat(String text, String pattern) {
    this.text = text;
    this.pattern = pattern;
  }

  /**
   * The format of a name of JSON Schema.
   *
   * @return null where the name is none of these
   */
  public static TextFormat of(String name) {
    return Arrays.stream(values()).filter(format -> format.text.equals(name)).findFirst().orElse(null);
  }

  /** The names of all formats. */
  public static List<String> names() {
    return Arrays.stream(values()).map(format -> format.text).toList();
  }

  /** The pattern of whole texts that answers are held to, as {@link AnswerFormat#regex} takes it. */
  public String pattern() {
    return pattern;
  }

  /** The pattern that others' texts are read by: hexadecimal digits, T and Z may be in either case there. */
  public String anyCase() {
    return this == UUID ? pattern.replace("a-f", "a-fA-F") : pattern.replace(")T", ")[Tt]").replace("Z|", "[Zz]|");
  }
}
