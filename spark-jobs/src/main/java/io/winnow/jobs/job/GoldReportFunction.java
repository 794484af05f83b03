// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.verify.GoldCheck;
import io.winnow.jobs.verify.VerifierSpec;
import io.winnow.jobs.verify.Verifiers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The rows of {@code verify --report golds}: one of each prompt whose gold is suspicious, and none of the others. */
record GoldReportFunction(VerifyOptions options) implements RowFunction {
  static final String GOLDS = "golds";

  private static final StructType SCHEMA =
      new StructType()
          .add("gold_suspicion", DataTypes.StringType)
          .add("gold_detail", DataTypes.StringType)
          .add("majority_answer", DataTypes.StringType)
          .add("majority_votes", DataTypes.IntegerType)
          .add("majority_samples", DataTypes.IntegerType);

  @Override
  public StructType schema() {
    return SCHEMA;
  }

  @Override
  public String version() {
    return "golds/1 " + Verifiers.versions();
  }

  @Override
  public List<String> counts() {
    return List.of(GOLDS, GoldCheck.UNREADABLE, GoldCheck.INCONSISTENT, GoldCheck.CONTRADICTED);
  }

  @Override
  public Task start(Tally tally) {
    VerifyCells cells = new VerifyCells(options);
    return rows -> report(rows, cells, tally);
  }

  private static List<Row> report(List<InputRow> rows, VerifyCells cells, Tally tally) {
    List<Row> out = new ArrayList<>(Collections.nCopies(rows.size(), null));
    List<List<String>> golds = new ArrayList<>();
    VerifierSpec spec = null;
    int first = -1;
    for (int i = 0; i < rows.size(); i++) {
      boolean failed = rows.get(i).errorClass() != null;
      try {
        if (!failed) {
          golds.add(cells.golds(rows.get(i)));
          cells.verifier(rows.get(i));
          spec = spec == null ? cells.spec(rows.get(i)) : spec;
          first = first < 0 ? i : first;
        }
      } catch (VerifyCells.Unusable e) {
        failed = true;
      }
      tally.row(failed, null);
    }
    if (spec == null) {
      return out;
    }
    GoldCheck check = GoldCheck.of(spec, golds, cells.completions(rows));
    tally.count(GOLDS, 1);
    if (check.suspicion() != null) {
      tally.count(check.suspicion(), 1);
      out.set(
          first,
          RowFactory.create(
              check.suspicion(), check.detail(), check.majority().answer(), check.majority().votes(),
              check.majority().samples()));
    }
    return out;
  }
}
