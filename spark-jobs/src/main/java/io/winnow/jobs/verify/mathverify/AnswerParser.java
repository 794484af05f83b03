// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import java.util.ArrayList;
import java.util.List;

/** Takes the answer out of a text and reads it: search, cleaning, reading, in Math-Verify's order. */
final class AnswerParser {
  /** How one side of a comparison is read. */
  enum Mode {
    /** The library's defaults: formulas and numbers, any candidate that can be read. */
    DEFAULT,
    /** As Open-R1 reads a gold: as the defaults, but the first candidate alone. */
    OPEN_R1_GOLD,
    /** As Open-R1 reads an answer: formulas alone, boxes first, nothing without an introduction. */
    OPEN_R1_ANSWER,
    /** As Open-R1's length and cosine rewards read a gold: as OPEN_R1_GOLD, but formulas alone. */
    OPEN_R1_FORMULA_GOLD,
    /** As those read an answer: as OPEN_R1_ANSWER, but boxes within formulas are read where they stand. */
    OPEN_R1_BOXED_ANSWER;

    boolean isAnswer() {
      return this == OPEN_R1_ANSWER || this == OPEN_R1_BOXED_ANSWER;
    }
  }

  /** Candidates that are tried; the reference has no such bound but one of time. */
  private static final int MAX_TRIED = 200;

  private final Mode mode;
  private final LatexCleanup.Steps steps;
  private final WorkLimit work;

  AnswerParser(Mode mode, WorkLimit work) {
    this.mode = mode;
    this.work = work;
    steps = mode.isAnswer() ? LatexCleanup.OPEN_R1 : LatexCleanup.DEFAULT;
  }

  Parsed parse(String text) {
    boolean openR1 = mode.isAnswer();
    boolean numbers = !openR1 && mode != Mode.OPEN_R1_FORMULA_GOLD;
    AnswerSearch search = new AnswerSearch(text, numbers, openR1, !openR1);
    work.spend(text.length() / 64);
    String first = null;
    String firstAnchor = "none";
    String reason = "no answer found";
    int tried = 0;
    for (int priority = 0; priority < AnswerSearch.CLASSES; priority++) {
      for (Candidate candidate : search.of(priority)) {
        if (++tried > MAX_TRIED) {
          throw new WorkLimit.Exceeded("more than " + MAX_TRIED + " candidates");
        }
        Reading reading = read(candidate);
        if (first == null && !reading.text.isEmpty()) {
          first = reading.text;
          firstAnchor = candidate.anchor();
        }
        if (reading.term != null) {
          return new Parsed(reading.term, first, reading.text, candidate.anchor(), null);
        }
        reason = reading.reason;
        if (mode != Mode.DEFAULT) {
          return new Parsed(null, first, null, firstAnchor, reason);
        }
      }
    }
    return new Parsed(null, first, null, firstAnchor, reason);
  }

  private record Reading(Term term, String text, String reason) {}

  private Reading read(Candidate candidate) {
    switch (candidate.kind()) {
      case NUMBER -> {
        String number = candidate.parts().get(0);
        boolean minus = number.startsWith("-");
        if (minus && number.indexOf('.') < 0 && number.length() > 2 && number.charAt(1) == '0') {
          // Python takes no whole number with a sign and leading zeros.
          return new Reading(null, "", "no number: " + number);
        }
        Term value = Numbers.parse(minus ? number.substring(1) : number);
        value = minus ? Term.negate(value) : value;
        return new Reading(candidate.percents().get(0) ? new Term.Percent(value) : value, number, null);
      }
      case ARITHMETIC -> {
        String text = candidate.parts().get(0);
        Term term = Arithmetic.read(text, work);
        return new Reading(term, text, term == null ? "no arithmetic: " + text : null);
      }
      case BARE_BOX -> {
        return formula(LatexCleanup.lastBoxes(candidate.parts().get(0)), false);
      }
      default -> {
        return formulas(candidate);
      }
    }
  }

  private Reading formulas(Candidate candidate) {
    if (candidate.parts().size() == 1) {
      return formula(unboxed(candidate.parts().get(0)), candidate.percents().get(0));
    }
    List<Term> items = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    String reason = null;
    for (int i = 0; i < candidate.parts().size(); i++) {
      Reading part = formula(unboxed(candidate.parts().get(i)), candidate.percents().get(i));
      if (part.term == null) {
        reason = part.reason;
        continue;
      }
      text.append(text.length() == 0 ? "" : " and ").append(part.text);
      if (part.term instanceof Term.Items inner) {
        items.addAll(inner.items());
      } else {
        items.add(part.term);
      }
    }
    // Formulas that cannot be read are left out of a group.
    return new Reading(items.isEmpty() ? null : reason != null && items.size() == 1 ? items.get(0)
        : new Term.Items(items), text.toString(), items.isEmpty() ? reason : null);
  }

  private String unboxed(String formula) {
    return mode == Mode.OPEN_R1_BOXED_ANSWER ? formula : LatexCleanup.allBoxes(formula);
  }

  private Reading formula(String raw, boolean percent) {
    String text = LatexCleanup.clean(raw, steps);
    work.spend(text.length() / 16);
    String plain = mode == Mode.OPEN_R1_BOXED_ANSWER ? LatexCleanup.boxesRead(text) : text;
    Term term;
    String reason = null;
    try {
      term = TermReader.read(plain, work);
    } catch (UnreadFormulaException e) {
      reason = e.getMessage();
      term = lastSide(plain);
    }
    return new Reading(term != null && percent ? new Term.Percent(term) : term, text, term == null ? reason : null);
  }

  /** A chain of equations that cannot be read as a whole stands for its last side. */
  private Term lastSide(String text) {
    String last = LatexCleanup.lastSide(text, false);
    if (last.length() == text.length()) {
      return null;
    }
    try {
      return TermReader.read(last, work);
    } catch (UnreadFormulaException e) {
      return null;
    }
  }
}
