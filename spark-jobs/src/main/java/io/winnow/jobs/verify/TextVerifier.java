// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.text.Normalizer;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Compares texts: {@code exact}, character by character but for white space around them, or {@code normalized}.
 *
 * <p>Parameter of both: {@code extract} (final, boxed, whole, all). Of {@code normalized}: {@code case} (fold, keep),
 * {@code punctuation} (drop, keep), {@code articles} (drop, keep; English ones), {@code accents} (keep, drop). Its
 * defaults do what the metrics of SQuAD do, but that signs and points of numbers stay and width and composition of
 * characters do not count (NFKC).
 */
final class TextVerifier extends AnswerVerifier {
  static final String EXACT = "exact";
  static final String NORMALIZED = "normalized";
  private static final Set<String> ARTICLES = Set.of("a", "an", "the");

  private enum Case { FOLD, KEEP }

  private enum Drop { DROP, KEEP }

  private final boolean exact;
  private final Case letters;
  private final Drop punctuation;
  private final Drop articles;
  private final Drop accents;

  private TextVerifier(String name, VerifierParams params) {
    super(name, name + "/1", params);
    exact = name.equals(EXACT);
    letters = params.choice("case", Case.FOLD);
    punctuation = params.choice("punctuation", Drop.DROP);
    articles = params.choice("articles", Drop.DROP);
    accents = params.choice("accents", Drop.KEEP);
  }

  static TextVerifier exact(Map<String, String> params) {
    return new TextVerifier(EXACT, new VerifierParams(EXACT, params, EXTRACT));
  }

  static TextVerifier normalized(Map<String, String> params) {
    return new TextVerifier(
        NORMALIZED, new VerifierParams(NORMALIZED, params, EXTRACT, "case", "punctuation", "articles", "accents"));
  }

  @Override
  String unusable(String gold) {
    return form(gold).isEmpty() ? "nothing is left of the gold once it is normalized" : null;
  }

  @Override
  Judgement judge(String gold, FinalAnswer answer) {
    String wanted = form(gold);
    String got = form(answer.text());
    boolean equal = wanted.equals(got);
    return Judgement.of(equal, answer, name(), Judgement.compared(equal, "'" + wanted + "'", "'" + got + "'"));
  }

  private String form(String text) {
    return exact ? text : normalized(text);
  }

  String normalized(String text) {
    String form = Normalizer.normalize(text, Normalizer.Form.NFKC);
    if (accents == Drop.DROP) {
      form = Normalizer.normalize(form, Normalizer.Form.NFD).replaceAll("\\p{Mn}+", "");
    }
    if (letters == Case.FOLD) {
      // Twice, because some letters have several lower-case forms for one upper-case one.
      form = form.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
    }
    String[] words = (punctuation == Drop.DROP ? withoutPunctuation(form) : form).split("[\\s\\p{Z}]+");
    String kept = joined(words, articles == Drop.DROP);
    // An answer A is a letter and no article.
    return kept.isEmpty() ? joined(words, false) : kept;
  }

  private static String joined(String[] words, boolean withoutArticles) {
    StringBuilder out = new StringBuilder();
    for (String word : words) {
      if (!word.isEmpty() && !(withoutArticles && ARTICLES.contains(word.toLowerCase(Locale.ROOT)))) {
        out.append(out.isEmpty() ? "" : " ").append(word);
      }
    }
    return out.toString();
  }

  /** Signs before a number and points in it stay: −3.5 is neither 3.5 nor 35. */
  private static String withoutPunctuation(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      int next = i + Character.charCount(c);
      boolean digitBehind = next < text.length() && Character.isDigit(text.codePointAt(next));
      boolean digitBefore = i > 0 && Character.isDigit(text.codePointBefore(i));
      boolean wordBefore = i > 0 && Character.isLetterOrDigit(text.codePointBefore(i));
      boolean sign = (c == '-' || c == '−') && digitBehind && !wordBefore;
      if (sign) {
        out.append('-');
      } else if (c == '.' && digitBehind && (digitBefore || !wordBefore)) {
        out.append('.');
      } else if (!isPunctuation(c)) {
        out.appendCodePoint(c);
      }
      i = next;
    }
    return out.toString();
  }

  private static boolean isPunctuation(int c) {
    return switch (Character.getType(c)) {
      case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.START_PUNCTUATION,
          Character.END_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION -> true;
      // What Python's string.punctuation counts among them as well.
      default -> c < 128 && "$+<=>^`|~".indexOf(c) >= 0;
    };
  }
}
