// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Thinking before an answer: any text up to the first {@code </think>}, that mark, and a few blanks. An answer may begin
 * with some of them, but a long one that may also begin otherwise does not. The automaton is put together of states,
 * since an expression would count places of the answer for each place of what may stand before it.
 *
 * <p>Its states are, one kind behind the other: what of {@code <think>} is there, where an answer may also begin at once;
 * what of {@code </think>} is there (Knuth, Morris and Pratt 1977: of that mark only its first letter can begin another);
 * the blanks that are there; those of the answer behind them; and those of an answer at once where these are others.
 */
final class ThinkingText {
  private static final int MOST_BLANKS = 8;
  /** How much larger it may be where blanks may belong to the answer or not. */
  private static final int MOST_TIMES = 4;
  private static final byte[] OPEN = ThinkingMarks.OPEN.getBytes(US_ASCII);
  private static final byte[] CLOSE = ThinkingMarks.CLOSE.getBytes(US_ASCII);
  private static final CharSet BLANKS = CharSet.SPACES;

  private final Automaton answer;
  private final Automaton behind;
  private final boolean skipsBlanks;
  /** Where each kind of states begins. */
  private final int thinking;
  private final int blanks;
  private final int behindBlanks;
  private final int atOnce;

  private ThinkingText(Expression expression, Automaton answer, boolean optional) {
    this.answer = answer;
    Automaton exact = begins(answer, true) ? behindBlanks(expression, begins(answer, false)) : null;
    skipsBlanks =
        exact == null || begins(answer, false) && exact.states() > MOST_TIMES * (answer.states() + MOST_BLANKS);
    behind = skipsBlanks ? answer : exact;
    thinking = optional ? OPEN.length : 0;
    blanks = thinking + CLOSE.length;
    behindBlanks = blanks + (skipsBlanks ? MOST_BLANKS + 1 : 0);
    atOnce = behindBlanks + (skipsBlanks ? 0 : behind.states());
  }

  /**
   * Texts that go on within thinking and end with the answer.
   *
   * @param automaton of the answer
   */
  static Automaton open(Expression answer, Automaton automaton) {
    return new ThinkingText(answer, automaton, false).automaton();
  }

  /** The answer at once, or behind thinking; what begins with {@code <think>} is thinking. */
  static Automaton optional(Expression answer, Automaton automaton) {
    return new ThinkingText(answer, automaton, true).automaton();
  }

  /** Null where it is too large and there is another way. */
  private static Automaton behindBlanks(Expression answer, boolean another) {
    try {
      return AutomatonBuilder.of(
          Expression.parts(new Expression.Repeat(new Expression.Chars(BLANKS), 0, MOST_BLANKS), answer));
    } catch (GrammarRefusal e) {
      if (another) {
        return null;
      }
      throw e;
    }
  }

  private static boolean isBlank(int b) {
    return BLANKS.contains(b);
  }

  private static boolean begins(Automaton answer, boolean blank) {
    for (int b = 0; b < 256; b++) {
      if (isBlank(b) == blank && answer.next(0, (byte) b) != Automaton.DEAD) {
        return true;
      }
    }
    return false;
  }

  private Automaton automaton() {
    // Bytes that neither the answers nor the marks nor being a blank tell apart.
    Map<String, Integer> numbers = new LinkedHashMap<>();
    int[] classOf = new int[256];
    int[] firstByte = new int[256];
    for (int b = 0; b < 256; b++) {
      boolean marks = ThinkingMarks.CLOSE.indexOf(b) >= 0;
      String key =
          answer.classOf((byte) b) + " " + behind.classOf((byte) b) + " " + (marks ? b : isBlank(b) ? -2 : -1);
      int known = numbers.size();
      classOf[b] = numbers.computeIfAbsent(key, k -> known);
      firstByte[classOf[b]] = classOf[b] == known ? b : firstByte[classOf[b]];
    }
    int classes = numbers.size();
    int states = atOnce + (thinking > 0 || skipsBlanks ? answer.states() : 0);
    int[] next = new int[states * classes];
    BitSet accepting = new BitSet();
    int prefix = 0;
    for (int s = 0; s < states; s++) {
      for (int c = 0; c < classes; c++) {
        next[s * classes + c] = next(s, prefix, (byte) firstByte[c]);
      }
      accepting.set(s, accepts(s, prefix));
      if (s < thinking && prefix != Automaton.DEAD) {
        prefix = answer.next(prefix, OPEN[s]);
      }
    }
    return new Automaton(classOf, classes, next, accepting);
  }

  /**
   * The state behind a byte.
   *
   * @param prefix of a state that has some of {@code <think>}: where these letters lead the answer to
   */
  private int next(int s, int prefix, byte b) {
    if (s < thinking) {
      return b == OPEN[s] ? s + 1 : prefix == Automaton.DEAD ? prefix : of(atOnce, answer.next(prefix, b));
    }
    if (s < blanks) {
      return b == CLOSE[s - thinking] ? s + 1 : b == CLOSE[0] ? thinking + 1 : thinking;
    }
    if (s < behindBlanks) {
      boolean full = s - blanks == MOST_BLANKS;
      return !isBlank(b) ? of(behindBlanks, answer.next(0, b)) : full ? Automaton.DEAD : s + 1;
    }
    return s < atOnce
        ? of(behindBlanks, behind.next(s - behindBlanks, b))
        : of(atOnce, answer.next(s - atOnce, b));
  }

  private static int of(int first, int state) {
    return state == Automaton.DEAD ? Automaton.DEAD : first + state;
  }

  private boolean accepts(int s, int prefix) {
    if (s < thinking) {
      return prefix != Automaton.DEAD && answer.accepts(prefix);
    }
    if (s < behindBlanks) {
      return s >= blanks && answer.accepts(0);
    }
    return s < atOnce ? behind.accepts(s - behindBlanks) : answer.accepts(s - atOnce);
  }
}
