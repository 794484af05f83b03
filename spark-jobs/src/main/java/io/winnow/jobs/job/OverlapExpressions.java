// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_join;
import static org.apache.spark.sql.functions.call_function;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.lower;
import static org.apache.spark.sql.functions.regexp_replace;
import static org.apache.spark.sql.functions.sequence;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.slice;
import static org.apache.spark.sql.functions.split;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.translate;
import static org.apache.spark.sql.functions.when;

import io.winnow.jobs.curate.Wording;
import org.apache.spark.sql.Column;

/** {@link Wording} and its n-grams in expressions of Spark SQL, all of which RAPIDS knows. */
final class OverlapExpressions {
  private static final String BLANK = " ";

  private OverlapExpressions() {}

  /** {@link Wording#words}. */
  static Column words(Wording wording, Column text) {
    String from = Wording.BLANKS;
    String to = BLANK.repeat(Wording.BLANKS.length());
    if (wording == Wording.STRICT) {
      from += Wording.PUNCTUATION + Wording.DIGITS;
      to += BLANK.repeat(Wording.PUNCTUATION.length()) + Wording.DIGITS_READ;
    }
    return array_join(parts(translate(lower(text), from, to)), BLANK);
  }

  /** {@link Wording#masked}. */
  static Column masked(Wording wording, Column words) {
    return wording == Wording.STRICT ? regexp_replace(words, Wording.NUMBERS, Wording.NUMBER) : words;
  }

  /** What stands between blanks; nothing of it is empty. */
  static Column parts(Column words) {
    return filter(split(words, BLANK), word -> word.notEqual(""));
  }

  /**
   * The n-grams of a text, or in strict wording a text that is too short for one as a whole.
   *
   * @param parts of the masked words
   * @param words as they are, which count as a whole
   */
  static Column ngrams(Wording wording, int n, Column parts, Column words) {
    Column grams =
        transform(
            sequence(lit(1), size(parts).minus(n - 1)), at -> array_join(slice(parts, at, lit(n)), BLANK));
    Column none = array().cast("array<string>");
    Column shorter = wording == Wording.STRICT ? when(words.equalTo(""), none).otherwise(array(words)) : none;
    return when(size(parts).geq(n), grams).otherwise(shorter);
  }

  /** Whether words stand in a text's words as they are. */
  static Column holds(Column words, Column span) {
    Column within = call_function("concat", lit(BLANK), words, lit(BLANK));
    return call_function("instr", within, call_function("concat", lit(BLANK), span, lit(BLANK))).gt(0);
  }

  /** One of some names. */
  static Column name(java.util.List<String> names, Column at) {
    return element_at(array(names.stream().map(name -> lit(name)).toArray(Column[]::new)), at.plus(1));
  }
}
