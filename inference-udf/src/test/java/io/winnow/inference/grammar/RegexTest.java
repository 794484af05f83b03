// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.InferenceException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Patterns against java.util.regex, and what is refused. */
@Timeout(120)
class RegexTest {
  private static final String[] CHARACTERS = {
    "a", "b", "c", "z", "0", "7", "_", " ", "-", "é", "ß", "世", "😀", "\n", "\""
  };

  /** A text that ends a search in it which goes back and forth for ever, as that of nested repetitions does. */
  private static final class Bounded implements CharSequence {
    static final class Exhausted extends RuntimeException {}

    private static final int MOST_LOOKS = 1_000_000;

    private final String text;
    private int looks;

    Bounded(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int index) {
      if (++looks > MOST_LOOKS) {
        throw new Exhausted();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }
  }

  private static boolean matches(String pattern, String text) {
    return AnswerGrammars.automaton(AnswerFormat.regex(pattern)).matches(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String refusal(String pattern) {
    InferenceException e =
        assertThrows(InferenceException.class, () -> AnswerGrammars.check(AnswerFormat.regex(pattern)), pattern);
    assertEquals("answer_format_invalid", e.errorClass());
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  /** A random pattern, with a text that is likely to match it. */
  private record Sample(String pattern, String text) {}

  private static Sample sample(Random random, int depth) {
    int kind = random.nextInt(depth == 0 ? 4 : 10);
    String c = CHARACTERS[random.nextInt(CHARACTERS.length)];
    switch (kind) {
      case 0, 1, 2:
        return new Sample(c, c);
      case 3:
        return atom(random, c);
      case 4, 5: {
        Sample a = sample(random, depth - 1);
        Sample b = sample(random, depth - 1);
        return new Sample("(?:" + a.pattern + "|" + b.pattern + ")", random.nextBoolean() ? a.text : b.text);
      }
      case 6, 7: {
        Sample a = sample(random, depth - 1);
        int least = random.nextInt(3);
        int more = random.nextInt(3);
        String[] quantifiers = {
          "*", "+", "?", "{" + least + "}", "{" + least + ",}", "{" + least + "," + (least + more) + "}", "*?"
        };
        String text = a.text.repeat(random.nextInt(4));
        return new Sample("(" + a.pattern + ")" + quantifiers[random.nextInt(quantifiers.length)], text);
      }
      default: {
        Sample a = sample(random, depth - 1);
        Sample b = sample(random, depth - 1);
        return new Sample(a.pattern + b.pattern, a.text + b.text);
      }
    }
  }

  private static Sample atom(Random random, String c) {
    String[][] atoms = {
      {".", c}, {"\\d", "7"}, {"\\D", c}, {"\\w", "_"}, {"\\W", "é"}, {"\\s", " "}, {"\\S", c}, {"[a-c]", "b"},
      {"[^a-c]", c}, {"[é-ｚ]", "世"}, {"[\\d_\\-]", "-"}, {"[^\\w\\n]", "-"}, {"\\u4e16", "世"}, {"\\x{1F600}", "😀"},
      {"[ß-😀]", "é"}, {"[-a]", "-"}, {"\\n", "\n"}, {"\\.", "."}, {"[.^$]", "^"}, {"\\x61", "a"}
    };
    String[] one = atoms[random.nextInt(atoms.length)];
    return new Sample(one[0], one[1]);
  }

  private static String changed(Random random, String text) {
    int[] points = text.codePoints().toArray();
    StringBuilder out = new StringBuilder();
    int at = random.nextInt(points.length + 1);
    for (int i = 0; i < points.length; i++) {
      if (i != at || random.nextBoolean()) {
        out.appendCodePoint(points[i]);
      }
      if (i == at) {
        out.append(CHARACTERS[random.nextInt(CHARACTERS.length)]);
      }
    }
    return at == points.length ? out + CHARACTERS[random.nextInt(CHARACTERS.length)] : out.toString();
  }

  @Test
  void agreesWithJavaOnRandomPatternsAndTexts() {
    Random random = Seed.random("RegexTest");
    int matched = 0;
    int not = 0;
    int exhausted = 0;
    for (int i = 0; i < 3000; i++) {
      Sample sample = sample(random, 4);
      Automaton automaton;
      try {
        automaton = AnswerGrammars.automaton(AnswerFormat.regex(sample.pattern));
      } catch (GrammarRefusal e) {
        assertTrue(e.getMessage().contains("the empty one"), sample.pattern + ": " + e.getMessage());
        continue;
      }
      Pattern java = Pattern.compile(sample.pattern, Pattern.UNIX_LINES);
      String text = sample.text;
      for (int k = 0; k < 8 && text.length() < 60; k++) {
        boolean expected;
        try {
          expected = java.matcher(new Bounded(text)).matches();
        } catch (Bounded.Exhausted e) {
          exhausted++;
          break;
        }
        assertEquals(
            expected, automaton.matches(text.getBytes(StandardCharsets.UTF_8)), sample.pattern + " on '" + text + "'");
        matched += expected ? 1 : 0;
        not += expected ? 0 : 1;
        text = changed(random, k % 3 == 2 ? sample.text : text);
      }
    }
    assertTrue(matched > 2000 && not > 2000, matched + " matched, " + not + " did not");
    assertTrue(exhausted < 30, exhausted + " patterns were too much for java.util.regex");
  }

  @Test
  void everyCharacterIsItsOwn() {
    // Around all the places where UTF-8 grows longer, and surrogates.
    int[] edges = {0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0x10FFFF};
    for (int low : edges) {
      for (int high : edges) {
        if (low > high) {
          continue;
        }
        Automaton automaton = AnswerGrammars.automaton(
            AnswerFormat.regex(String.format("[\\x{%X}-\\x{%X}]", low, high)));
        for (int edge : edges) {
          for (int c : new int[] {edge - 1, edge, edge + 1}) {
            if (c >= 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF)) {
              byte[] text = Character.toString(c).getBytes(StandardCharsets.UTF_8);
              assertEquals(c >= low && c <= high, automaton.matches(text), low + " to " + high + ": " + c);
            }
          }
        }
      }
    }
    Automaton any = AnswerGrammars.automaton(AnswerFormat.regex("[\\s\\S]"));
    assertFalse(any.matches(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}), "a surrogate");
    assertFalse(any.matches(new byte[] {(byte) 0xC0, (byte) 0x80}), "too long an encoding");
    assertFalse(any.matches(new byte[] {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80}), "beyond Unicode");
  }

  @Test
  void anchorsAtTheEndsChangeNothing() {
    assertTrue(matches("^ab$", "ab"));
    assertTrue(matches("^a|b$", "b"));
    assertFalse(matches("^a|b$", "ab"));
    assertTrue(matches("(?<year>\\d{4})-(?P<month>\\d\\d)", "2024-05"));
    assertTrue(matches("\\ud83d\\ude00", "😀"));
  }

  @Test
  void whatHasNoAutomatonIsRefusedByItsName() {
    Map<String, String> words = new LinkedHashMap<>();
    words.put("(a)\\1", "back references");
    words.put("(?<x>a)\\k<x>", "back references");
    words.put("a(?=b)", "look-ahead");
    words.put("(?<!a)b", "look-behind");
    words.put("\\bword\\b", "\\b is not supported");
    words.put("\\Aa", "\\A is not supported");
    words.put("(?i)yes", "no flags");
    words.put("(?>a)", "atomic");
    words.put("a++", "possessive");
    words.put("a**", "two quantifiers");
    words.put("a{2}{3}", "two quantifiers");
    words.put("a^b", "at the ends");
    words.put("(^a$)", "at the ends");
    words.put("*a", "nothing stands before");
    words.put("a{,3}", "{0,n}");
    words.put("a{3,2}", "ends below");
    words.put("a{999999999}", "more than 100000");
    words.put("(a", "not closed");
    words.put("a)", "closes no group");
    words.put("[a", "not closed");
    words.put("[]", "its beginning");
    words.put("[[:alpha:]]", "in a class");
    words.put("[a&&b]", "in a class");
    words.put("[b-a]", "a range in a class");
    words.put("[^\\s\\S]", "holds no character");
    words.put("\\p{L}", "\\p is not supported");
    words.put("\\q", "the escape \\q");
    words.put("a\\", "escapes nothing");
    words.put("\\x{110000}", "hexadecimal");
    words.put("\\ud800", "surrogate");
    words.put("\ud800", "surrogate");
    words.put("", "the empty one");
    words.put("a{0}", "the empty one");
    words.put("(".repeat(5000) + "a" + ")".repeat(5000), "nested more than");
    words.forEach((pattern, word) -> assertTrue(refusal(pattern).contains(word), refusal(pattern)));
    assertTrue(refusal("ab\\1").contains("(character 5)"), refusal("ab\\1"));
  }

  @Test
  void hostilePatternsAreRefusedBeforeTheyGrow() {
    for (String pattern :
        List.of(
            "(a{1000}){1000}", "((a{1,100}){1,100}){1,100}", "(((a*)*)*)*{5}", "(a|b)*a(a|b){40}",
            "(.*a){60}.{60}b", "((((((a{9}){9}){9}){9}){9}){9}){9}", "(((()?){99999}){99999}){99999}(a{1000}){1000}",
            "(x|\\w|[a-z]|.)*(x|\\w){3000}y(.|x){3000}", "(\\w{1,300}\\s?){1,300}[^\\w]{1,3000}",
            "((a?){500}){500}", "(.?){30000}", "(" + "(a|b|ab)*".repeat(2000) + "c){3}(a|b)*a(a|b){30}")) {
      String why = refusal(pattern);
      assertTrue(why.contains("it needs more than") || why.contains("two quantifiers"), why);
    }
    // Large, but not too large.
    assertTrue(matches("(a{100}){100}", "a".repeat(10_000)));
    assertTrue(matches("[\\s\\S]{0,3000}", "世".repeat(3000)));
  }

  @Test
  void choicesAreTheirTextsAndNothingElse() {
    List<String> texts = List.of("yes", "yes please", "no", "é|(", "😀", "a\nb");
    Automaton automaton = AnswerGrammars.automaton(AnswerFormat.choice(texts));
    for (String text : texts) {
      assertTrue(automaton.matches(text.getBytes(StandardCharsets.UTF_8)), text);
      for (int cut = 0; cut < text.length(); cut++) {
        String part = text.substring(0, cut);
        assertEquals(texts.contains(part), automaton.matches(part.getBytes(StandardCharsets.UTF_8)), part);
      }
    }
    assertFalse(automaton.matches("yes ".getBytes(StandardCharsets.UTF_8)));
    assertThrows(InferenceException.class, () -> AnswerGrammars.check(AnswerFormat.choice(List.of("a", ""))));
    assertThrows(IllegalArgumentException.class, () -> AnswerFormat.choice(List.of()));
  }
}
