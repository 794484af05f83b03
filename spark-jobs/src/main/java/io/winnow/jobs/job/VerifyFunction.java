// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.AnyGold;
import io.winnow.jobs.verify.Majority;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.VerifierSpec;
import io.winnow.jobs.verify.Verifiers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of {@code verify}: of each row its verdict with the evidence, and where it is asked for the majority of
 * its prompt. A row that cannot be judged has the verdict {@code error}, and the reason in {@code detail}.
 */
record VerifyFunction(VerifyOptions options) implements RowFunction {
  static final String TIES = "ties";
  static final String PROMPTS = "prompts";
  static final String MAJORITY_CORRECT = "majority correct";

  /** Who judged, and what decided. */
  static final StructType EVIDENCE =
      new StructType()
          .add("verifier", DataTypes.StringType)
          .add("version", DataTypes.StringType)
          .add("params", DataTypes.StringType)
          .add("rule", DataTypes.StringType)
          .add("micros", DataTypes.LongType);

  private static final StructType VERDICT =
      new StructType()
          .add("verdict", DataTypes.StringType)
          .add("extracted", DataTypes.StringType)
          .add("detail", DataTypes.StringType)
          .add("verified_by", EVIDENCE);

  private static final StructType WITH_MAJORITY =
      VERDICT
          .add("majority_answer", DataTypes.StringType)
          .add("majority_votes", DataTypes.IntegerType)
          .add("majority_samples", DataTypes.IntegerType)
          .add("majority_share", DataTypes.DoubleType)
          .add("majority_margin", DataTypes.IntegerType)
          .add("majority_tie", DataTypes.BooleanType)
          .add("majority_agrees", DataTypes.BooleanType)
          .add("majority_verdict", DataTypes.StringType);

  @Override
  public StructType schema() {
    return options.majority() ? WITH_MAJORITY : VERDICT;
  }

  @Override
  public String version() {
    if (options.verifier() != null && options.ownVerifier() < 0) {
      return options.verifier().verifier().version();
    }
    // Rows may name any of them.
    return Verifiers.versions();
  }

  @Override
  public List<String> counts() {
    List<String> names = new ArrayList<>();
    for (Verdict.Value value : Verdict.Value.values()) {
      names.add(value.label());
    }
    if (options.majority()) {
      names.addAll(List.of(PROMPTS, MAJORITY_CORRECT, TIES));
    }
    return names;
  }

  @Override
  public Task start(Tally tally) {
    return new Judging(options, tally);
  }

  private static final class Judging implements Task {
    private final VerifyOptions options;
    private final Tally tally;
    private final VerifyCells cells;
    private final Map<VerifierSpec, AnswerEquality> equalities = new HashMap<>();

    Judging(VerifyOptions options, Tally tally) {
      this.options = options;
      this.tally = tally;
      this.cells = new VerifyCells(options);
    }

    @Override
    public List<Row> apply(List<InputRow> rows) {
      List<Row> out = new ArrayList<>(rows.size());
      Object[][] majority = options.majority() ? majority(rows) : null;
      for (int i = 0; i < rows.size(); i++) {
        Object[] verdict = verdict(rows.get(i));
        if (majority != null) {
          Object[] both = new Object[verdict.length + majority[i].length];
          System.arraycopy(verdict, 0, both, 0, verdict.length);
          System.arraycopy(majority[i], 0, both, verdict.length, majority[i].length);
          verdict = both;
        }
        out.add(RowFactory.create(verdict));
      }
      return out;
    }

    private Object[] verdict(InputRow row) {
      try {
        String text = cells.completion(row);
        if (options.goldsOptional() && !cells.hasGold(row)) {
          tally.row(false, null);
          return new Object[VERDICT.length()];
        }
        Verifier verifier = cells.verifier(row);
        Verdict v = AnyGold.verify(verifier, cells.golds(row), text, false);
        count(v.value());
        String params = new VerifierSpec(verifier.name(), v.params()).paramsJson();
        Row evidence = RowFactory.create(verifier.name(), v.version(), params, v.rule(), v.micros());
        return new Object[] {v.value().label(), v.extracted(), v.detail(), evidence};
      } catch (VerifyCells.Unusable e) {
        count(Verdict.Value.ERROR);
        return new Object[] {Verdict.Value.ERROR.label(), null, e.getMessage(), null};
      }
    }

    private void count(Verdict.Value value) {
      Boolean correct =
          value == Verdict.Value.CORRECT ? Boolean.TRUE : value == Verdict.Value.INCORRECT ? Boolean.FALSE : null;
      tally.row(value == Verdict.Value.ERROR, correct);
      tally.count(value.label(), 1);
    }

    /** What the rows of a prompt get; all null for a row without a prompt, or whose verifier is not known. */
    private Object[][] majority(List<InputRow> rows) {
      Object[][] out = new Object[rows.size()][WITH_MAJORITY.length() - VERDICT.length()];
      InputRow first = rows.get(0);
      if (first.errorClass() != null || first.cell(options.group()) == null) {
        return out;
      }
      AnswerEquality equality;
      List<String> golds;
      try {
        cells.verifier(first);
        equality = equalities.computeIfAbsent(cells.spec(first), AnswerEquality::by);
        golds = cells.golds(first);
      } catch (VerifyCells.Unusable e) {
        return out;
      }
      List<String> texts = cells.completions(rows);
      // A row without a completion is no sample.
      List<String> answers = new ArrayList<>();
      for (String text : texts) {
        if (text != null) {
          answers.add(equality.extract(text));
        }
      }
      Majority m = Majority.of(answers, equality);
      String verdict = m.answer() == null || !cells.hasGold(first) ? null : judged(golds, m, equality);
      tally.count(PROMPTS, 1);
      tally.count(TIES, m.tie() ? 1 : 0);
      tally.count(MAJORITY_CORRECT, Verdict.Value.CORRECT.label().equals(verdict) ? 1 : 0);
      int sample = 0;
      for (int i = 0; i < out.length; i++) {
        Boolean agrees = texts.get(i) == null ? null : Boolean.valueOf(m.members()[sample++]);
        out[i] =
            new Object[] {
              m.answer(), m.votes(), m.samples(), m.share(), m.margin(), m.tie(), agrees, verdict
            };
      }
      return out;
    }

    private static String judged(List<String> golds, Majority m, AnswerEquality equality) {
      return AnyGold.verify(equality.asVerifier(), golds, m.answer(), false).value().label();
    }
  }
}
