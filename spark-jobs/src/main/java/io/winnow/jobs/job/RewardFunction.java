// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.reward.Advantages;
import io.winnow.jobs.reward.Messages;
import io.winnow.jobs.reward.Reward;
import io.winnow.jobs.reward.Reward.Field;
import io.winnow.jobs.reward.RewardSpec;
import io.winnow.jobs.reward.Rewards;
import io.winnow.jobs.reward.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns that {@code score --reward} adds: one a reward, {@code total} where there are several or a weight, {@code
 * advantage} where it is asked for, and {@code score_error}.
 *
 * @param specs the rewards
 * @param places of what they read among the columns asked for
 * @param scale of the advantage; null for none
 * @param epsilon of the advantage
 * @param report whether to count the rows in which a reward's strict sibling says something else
 */
record RewardFunction(
    List<RewardSpec> specs, Map<Field, Integer> places, Advantages.Scale scale, double epsilon, boolean report)
    implements RowFunction {
  private static final long serialVersionUID = 1L;

  /** How a strict sibling differs. */
  enum Change { LOWER, HIGHER, MISSING }

  /** A row that cannot be rewarded. */
  private static final class Unusable extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Row error;

    Unusable(String errorClass, String message) {
      super(message, null, false, false);
      error = RowFactory.create(errorClass, message);
    }
  }

  private boolean hasTotal() {
    return specs.size() > 1 || specs.get(0).weight() != 1;
  }

  @Override
  public StructType schema() {
    StructType out = new StructType();
    for (RewardSpec spec : specs) {
      out = out.add(spec.column(), DataTypes.DoubleType);
    }
    out = hasTotal() ? out.add("total", DataTypes.DoubleType) : out;
    out = scale == null ? out : out.add("advantage", DataTypes.DoubleType);
    return out.add("score_error", Prompts.ERROR);
  }

  @Override
  public String version() {
    return specs.stream()
        .map(spec -> spec.reward().version() + strictVersion(spec.reward()))
        .collect(Collectors.joining(" "));
  }

  private String strictVersion(Reward reward) {
    Reward strict = report ? Rewards.strictSibling(reward) : null;
    return strict == null ? "" : "/" + strict.version();
  }

  @Override
  public List<String> counts() {
    List<String> out = new ArrayList<>();
    for (RewardSpec spec : specs) {
      out.add(missing(spec));
      if (report && Rewards.strictSibling(spec.reward()) != null) {
        for (Change change : Change.values()) {
          out.add(name(spec, change));
        }
      }
    }
    return out;
  }

  /** The count of the rows without this reward. */
  static String missing(RewardSpec spec) {
    return spec.column() + " without";
  }

  /** The count of the rows in which the strict sibling differs so. */
  static String name(RewardSpec spec, Change change) {
    return spec.column() + " strict " + change;
  }

  @Override
  public Task start(Tally tally) {
    List<Reward> rewards = specs.stream().map(RewardSpec::reward).toList();
    List<Reward> siblings = new ArrayList<>();
    rewards.forEach(reward -> siblings.add(report ? Rewards.strictSibling(reward) : null));
    return rows -> apply(rows, rewards, siblings, tally);
  }

  private List<Row> apply(List<InputRow> rows, List<Reward> rewards, List<Reward> siblings, Tally tally) {
    Row[] errors = new Row[rows.size()];
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < errors.length; i++) {
      try {
        samples.add(sample(rows.get(i)));
      } catch (Unusable e) {
        errors[i] = e.error;
      }
      tally.row(errors[i] != null, null);
    }
    List<List<Double>> columns = new ArrayList<>();
    for (int r = 0; r < specs.size(); r++) {
      List<Double> plain = rewards.get(r).of(samples);
      columns.add(plain);
      tally.count(missing(specs.get(r)), plain.stream().filter(Objects::isNull).count());
      if (siblings.get(r) != null) {
        compare(specs.get(r), plain, siblings.get(r).of(samples), tally);
      }
    }
    if (hasTotal()) {
      columns.add(totals(columns, samples.size()));
    }
    if (scale != null) {
      columns.add(Advantages.of(columns.get(columns.size() - 1), scale, epsilon));
    }
    List<Row> out = new ArrayList<>();
    int at = 0;
    for (Row error : errors) {
      Object[] values = new Object[columns.size() + 1];
      for (int c = 0; error == null && c < columns.size(); c++) {
        values[c] = columns.get(c).get(at);
      }
      at += error == null ? 1 : 0;
      values[columns.size()] = error;
      out.add(RowFactory.create(values));
    }
    return out;
  }

  private List<Double> totals(List<List<Double>> columns, int rows) {
    double[] weights = specs.stream().mapToDouble(RewardSpec::weight).toArray();
    List<Double> out = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      List<Double> row = new ArrayList<>();
      for (List<Double> column : columns) {
        row.add(column.get(i));
      }
      out.add(Rewards.weightedSum(row, weights));
    }
    return out;
  }

  private static void compare(RewardSpec spec, List<Double> plain, List<Double> strict, Tally tally) {
    for (int i = 0; i < plain.size(); i++) {
      Double before = plain.get(i);
      Double after = strict.get(i);
      if (before == null || after == null) {
        tally.count(name(spec, Change.MISSING), before == after ? 0 : 1);
      } else {
        tally.count(name(spec, Change.LOWER), after < before ? 1 : 0);
        tally.count(name(spec, Change.HIGHER), after > before ? 1 : 0);
      }
    }
  }

  private Sample sample(InputRow row) throws Unusable {
    if (row.errorClass() != null) {
      throw new Unusable(row.errorClass(), row.errorMessage());
    }
    return new Sample(completion(row), gold(row), tokens(row), language(row));
  }

  private Cell cell(InputRow row, Field field) {
    Integer place = places.get(field);
    return place == null ? null : row.cell(place);
  }

  private String completion(InputRow row) throws Unusable {
    Cell cell = cell(row, Field.COMPLETION);
    if (cell == null || cell.isPlain()) {
      return cell == null ? null : cell.text();
    }
    String text = cell.kind() == Cell.Kind.ARRAY ? Messages.completion(cell.text()) : null;
    if (text == null) {
      throw refused(
          "completion_invalid", row, "--completion-column", cell, "a text or a list of messages with content");
    }
    return text;
  }

  private String gold(InputRow row) throws Unusable {
    Cell cell = cell(row, Field.GOLD);
    if (cell != null && !cell.isPlain()) {
      throw refused("gold_invalid", row, "--gold-column", cell, "a text or a number");
    }
    return cell == null ? null : cell.text();
  }

  private Long tokens(InputRow row) throws Unusable {
    Cell cell = cell(row, Field.TOKENS);
    if (cell == null) {
      return null;
    }
    if (cell.kind() == Cell.Kind.ARRAY) {
      return (long) cell.json().size();
    }
    if (cell.isPlain() && cell.text().matches("[0-9]{1,18}")) {
      return Long.valueOf(cell.text());
    }
    throw refused("tokens_invalid", row, "--tokens-column", cell, "a count of tokens, or the list of their ids");
  }

  private String language(InputRow row) throws Unusable {
    Cell cell = cell(row, Field.LANGUAGE);
    if (cell != null && !cell.isPlain()) {
      throw refused("language_invalid", row, "--language-column", cell, "a text");
    }
    return cell == null ? null : cell.text();
  }

  private static Unusable refused(String errorClass, InputRow row, String option, Cell cell, String expected) {
    String held = cell.isPlain() ? "'" + cell.text() + "'" : cell.kind().shown();
    return new Unusable(
        errorClass,
        "Cannot score " + row.place() + ": the column of " + option + " holds " + held + " where " + expected
            + " is expected.");
  }
}
