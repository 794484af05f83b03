// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Words as Python 3.11 makes them ({@code " ".join(text.lower().split())}), and as strict wording folds them. */
class WordingTest {
  @Test
  void openWordsAreWhatPythonSplits() {
    Map<String, String> cases =
        Map.of(
            "", "",
            " \t\n ", "",
            "  What is\t2 + 2,\r\nplease? ", "what is 2 + 2, please?",
            "a\u00a0b\u2003c\u3000d\u001ce\u0085f\u2028g", "a b c d e f g",
            "a\u200bb\ufeffc", "a\u200bb\ufeffc",
            "STRASSE \u0130X \u00c9T\u00c9", "strasse i\u0307x \u00e9t\u00e9",
            "\u039f\u0394\u039f\u03a3 \u03a3", "\u03bf\u03b4\u03bf\u03c2 \u03c3",
            "\ud801\udc00 Z", "\ud801\udc28 z");
    cases.forEach((text, words) -> assertEquals(words, Wording.OPEN_R1.words(text), text));
    assertEquals("a, b", Wording.OPEN_R1.masked("a, b"));
  }

  @Test
  void strictWordsHaveNoPunctuationAndOneNumber() {
    Map<String, String[]> cases =
        Map.of(
            "What is (2+3)?", new String[] {"what is 2 3", "what is 0"},
            "It cost $1,000.50 -- or \u20ac 12", new String[] {"it cost 1 000 50 or 12", "it cost 0 or 0"},
            "x2 and 3rd", new String[] {"x2 and 3rd", "x0 and 0rd"},
            "1 .5 7", new String[] {"1 5 7", "0"},
            "\u201cJanet\u2019s\u201d \u0663\uff14", new String[] {"janet s 34", "janet s 0"},
            "7", new String[] {"7", "0"},
            "...!?", new String[] {"", ""},
            "12 a", new String[] {"12 a", "0 a"});
    cases.forEach(
        (text, words) -> {
          assertEquals(words[0], Wording.STRICT.words(text), text);
          assertEquals(words[1], Wording.STRICT.masked(words[0]), text);
          assertEquals(
              words[0].replaceAll(Wording.NUMBERS, Wording.NUMBER), Wording.STRICT.masked(words[0]), text);
        });
  }

  @Test
  void countsWords() {
    assertEquals(0, Wording.count(""));
    assertEquals(1, Wording.count("a"));
    assertEquals(3, Wording.count("a bc d"));
  }
}
