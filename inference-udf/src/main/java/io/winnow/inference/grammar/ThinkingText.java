// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.ArrayList;
import java.util.List;

/** Thinking before an answer: any text up to the first {@code </think>}, that mark, and a few blanks. */
final class ThinkingText {
  private static final int MOST_BLANKS = 8;
  private static final String REST = ThinkingMarks.CLOSE.substring(1);
  private static final int MARK = ThinkingMarks.CLOSE.charAt(0);

  private ThinkingText() {}

  /** The answer behind thinking that is open already. */
  static Expression open(Expression answer) {
    return Expression.parts(
        upToTheMark(),
        new Expression.Repeat(new Expression.Chars(CharSet.SPACES), 0, MOST_BLANKS), answer);
  }

  /** The answer, behind thinking or at once. */
  static Expression optional(Expression answer) {
    Expression thinking = Expression.parts(Expression.text(ThinkingMarks.OPEN), open(answer));
    return Expression.anyOf(List.of(thinking, answer));
  }

  /**
   * As the mark's first letter is nowhere else in it, a text is within the mark only since its last {@code <}. From
   * there it comes to another one, to a letter that is not the mark's, or to the mark's end.
   */
  private static Expression upToTheMark() {
    List<Expression> again = new ArrayList<>();
    List<Expression> away = new ArrayList<>();
    for (int i = 0; i < REST.length(); i++) {
      Expression begun = Expression.text(REST.substring(0, i));
      CharSet other = CharSet.of(MARK, MARK).or(CharSet.of(REST.charAt(i), REST.charAt(i))).not();
      again.add(Expression.parts(begun, Expression.chars(MARK, MARK)));
      away.add(Expression.parts(begun, new Expression.Chars(other)));
    }
    Expression within =
        Expression.parts(Expression.chars(MARK, MARK), new Expression.Repeat(Expression.anyOf(again), 0, -1));
    Expression outside = new Expression.Chars(CharSet.of(MARK, MARK).not());
    Expression before =
        new Expression.Repeat(
            Expression.anyOf(List.of(outside, Expression.parts(within, Expression.anyOf(away)))), 0, -1);
    return Expression.parts(before, within, Expression.text(REST));
  }
}
