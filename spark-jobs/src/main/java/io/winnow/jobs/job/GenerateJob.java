// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.AdaptiveSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.Ledger;
import io.winnow.jobs.table.LedgerOptions;
import io.winnow.jobs.table.LedgerProgress;
import io.winnow.jobs.table.RecoveryResult;
import io.winnow.jobs.table.RunProgress;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TableException;
import io.winnow.jobs.table.TraceCounts;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.trace.TraceKey;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Prompts to verified traces. The driver's side of {@code generate}: finds what is missing in the table, runs one long
 * Spark job over it, whose finished traces a {@link Ledger} commits while it goes on, and says what came of it.
 */
public final class GenerateJob {
  /** What did not get in is made again; more often means that something is wrong with the folder of the table. */
  private static final int MAX_PASSES = 3;
  /** Passes that end because executors died go on with what is left, but not for ever. */
  private static final int MAX_LOST_PASSES = 10;

  /** Gets the state of the run now and then, on a thread of the job's. */
  public interface Progress {
    void update(
        long done, long total, long failed, long correct, long decided, long tokens, EngineStats engines);
  }

  private final SparkSession spark;
  private final SettingValues values;
  private final GenerateOptions options;
  private final String runId;
  private final long startNanos = System.nanoTime();
  private final RunBudget budget;
  private TraceTable table;
  private long copied;
  private int copyRounds;
  private long generatedTokens;
  private double generateSeconds;
  private EngineStats engines = EngineStats.NONE;
  private boolean stopped;
  private boolean disturbed;
  private boolean replaces;
  private TraceCounts committed = TraceCounts.ZERO;
  private long lastVersion = -1;
  private long epoch;
  private long plannedVersion;

  private GenerateJob(SparkSession spark, SettingValues asked, BooleanSupplier stop) {
    this.spark = spark;
    this.values = ModelDefaults.applied(asked);
    this.runId = RunId.next();
    this.budget = new RunBudget(values, stop, System::nanoTime, startNanos);
    this.options = GenerateOptions.of(values);
    SidecarExecutors.of(spark.sparkContext().getConf(), options.hosting().sidecar()); // refused now or never
  }

  /** The part of a run that one of several teachers does. */
  GenerateJob(SparkSession spark, Teacher teacher, String runId, RunBudget budget) {
    this.spark = spark;
    this.values = teacher.values();
    this.runId = runId;
    this.budget = budget;
    this.options = teacher.options();
  }

  /**
   * Runs the job to its end; with several models, one part for each.
   *
   * @param values checked settings of {@code generate}
   * @param stop asked now and then; once true, the job ends cleanly with what is decoded so far
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   * @throws io.winnow.inference.conf.UsageException when the prompts cannot be used as asked
   * @throws TableException when the output is some other table, or cannot be written
   */
  public static GenerateResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, Progress progress) {
    return run(spark, values, stop, progress, line -> {});
  }

  /** As above; {@code told} gets a line for people now and then, where there are several models. */
  public static GenerateResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, Progress progress, Consumer<String> told) {
    return run(spark, values, stop, progress, told, prompts -> prompts);
  }

  /** As above, for some of the prompts. */
  static GenerateResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, Progress progress, Consumer<String> told,
      UnaryOperator<Prompts> some) {
    if (values.get(GenerateSettings.MODEL).size() > 1) {
      return new TeachersJob(spark, values, stop, told, some).run(progress);
    }
    GenerateJob job = new GenerateJob(spark, values, stop);
    ModelInfo model = job.options.describe(job.values);
    Teacher only = new Teacher(job.values, job.options, model, job.options.price(job.values, model));
    VersionedPrompts source = VersionedPrompts.open(spark, job.values);
    return job.run(only, source.of(some), List.of(), progress);
  }

  /**
   * Runs this part to its end.
   *
   * @param teacher who answers
   * @param source the prompts
   * @param teachers all models of the run as they were given, where there are several
   */
  GenerateResult run(Teacher teacher, VersionedPrompts source, List<String> teachers, Progress progress) {
    ModelInfo model = teacher.info();
    TraceCosts costs = new TraceCosts(teacher.price(), spark.sparkContext());
    Prompts prompts = source.prompts();
    table = opened(prompts);
    String workSet = RunFacts.workSet(spark, values, model);
    RunsTable runs = RunsTable.open(table);
    RunFacts facts = new RunFacts(spark, values, options, model, runId, workSet, table.version());
    facts.among(teachers);
    // From here on an older run of the same work cannot commit any more; only then is what it has done looked at.
    epoch = runs.claim(workSet, facts.start(source));
    try {
      RecoveryResult recovered = Ledger.recover(spark, table, workSet, epoch);
      Dataset<Row> encoded = encoded(prompts, teacher);
      long total = prompts.counts().total() * options.samples();
      TraceRows rows = new TraceRows(options.run(runId, model), table.schema(), costs);
      Accounts accounts =
          passes(encoded, total, model, rows, workSet, costs, recovered.suspects(), progress);
      stopped &= accounts.stillToDo() > 0;
      GenerateResult result = result(prompts, accounts, recovered);
      String state = stopped ? "stopped" : result.written() == 0 ? "nothing_to_do" : "done";
      runs.append(facts.end(result, committed, lastVersion, state, detail(result)));
      return result;
    } catch (Exception | Error e) { // Spark throws checked exceptions that it does not declare
      try {
        runs.append(facts.failed(totals(table), committed, lastVersion, String.valueOf(e.getMessage())));
      } catch (RuntimeException beside) {
        e.addSuppressed(beside);
      }
      throw e;
    }
  }

  /** Makes what is missing, and looks again as long as something did not get in. */
  private Accounts passes(
      Dataset<Row> encoded, long total, ModelInfo model, TraceRows rows, String workSet, TraceCosts costs,
      Map<String, Integer> suspects, Progress progress) {
    long existing = -1;
    int lostPasses = 0;
    for (int pass = 1; ; pass++) {
      boolean fresh = table.version() == 0;
      WorkPlan plan = plan(encoded, model);
      try {
        existing = existing >= 0 ? existing : plan.there >= 0 ? plan.there : total - plan.traces;
        replaces |= plan.redone > 0;
        stopped |= budget.getAsBoolean();
        if (plan.traces == 0 || stopped) {
          return accounts(plan, total, existing);
        }
        if (pass - lostPasses > MAX_PASSES || pass > MAX_LOST_PASSES) {
          throw JobErrors.notConverging(plan.traces, pass - 1, table.path());
        }
        while (pass == 1 && !fresh && plan.traces > 0 && copy(plan, rows, workSet) > 0) {
          // What was copied is no longer missing.
          plan.close();
          plan = plan(encoded, model);
        }
        if (plan.traces == 0) {
          return accounts(plan, total, existing);
        }
        GeneratePass.Setting setting =
            new GeneratePass.Setting(
                spark, options, model, table, rows, runId, budget, costs, progress,
                RunProgress.start(runId, workSet, total, existing));
        GeneratePass.Outcome outcome =
            new GeneratePass(setting, plan, generatedTokens, committed.rows())
                .run(ledgerOptions(pass == 1 ? runId : runId + "-" + pass, workSet), suspects, this::count);
        generatedTokens += outcome.tokens();
        generateSeconds += outcome.seconds();
        engines = outcome.engines().plus(engines.withLoad(EngineStats.Load.NONE));
        stopped |= outcome.stopped();
        suspects = outcome.suspects();
        // Where a rule ends prompts, a task that was tried again leaves those to the next pass whose verdicts it cannot
        // know, because the attempt before has them.
        boolean ruled = options.known() != null;
        lostPasses += outcome.lost() || ruled && outcome.done().counts().rows() > 0 ? 1 : 0;
        // Counted by what is in, whatever kept the rest out: a lost or damaged offer, an executor that died.
        if (!ruled && (stopped || plan.traces == outcome.done().counts().rows())) {
          return accounts(plan, total, existing, model);
        }
      } finally {
        plan.close();
      }
    }
  }

  private WorkPlan plan(Dataset<Row> encoded, ModelInfo model) {
    // The version first: what is committed between the two is then looked at once more.
    plannedVersion = table.version();
    Redo redo = options.redo(model, runId);
    KnownSamples known = options.known();
    return known == null
        ? WorkPlan.of(encoded, redo.there(table.read(spark)))
        : WorkPlan.of(encoded, redo.there(table.read(spark), known.columns()), known);
  }

  /** The accounts by a plan that was made when all was done, or at the end of a run that was stopped. */
  private Accounts accounts(WorkPlan plan, long total, long existing) {
    if (plan.there < 0) {
      return new Accounts(total, existing, committed.rows(), plan.traces, 0);
    }
    long others = plan.there - existing - committed.rows();
    if (others != 0 && !disturbed && !replaces) {
      throw JobErrors.doNotAddUp(total, existing, committed.rows(), plan.atMost, table.path());
    }
    return new Accounts(total, existing, committed.rows(), plan.atMost, others, plan.spared);
  }

  /**
   * Holds what the run says against the table: what was there, what the run made and what is still to do must be all
   * that was wanted, unless somebody else has written or deleted rows meanwhile.
   */
  private Accounts accounts(WorkPlan plan, long total, long existing, ModelInfo model) {
    long toDo = plan.stillToDo(options.redo(model, runId).there(table.read(spark)));
    long others = total - existing - committed.rows() - toDo;
    if (others != 0 && !disturbed && plan.redone == 0) {
      throw JobErrors.doNotAddUp(total, existing, committed.rows(), toDo, table.path());
    }
    return new Accounts(total, existing, committed.rows(), toDo, others);
  }

  /** The table for the traces of prompts, made where there is none. */
  TraceTable opened(Prompts prompts) {
    StructType kept = new StructType(prompts.kept().toArray(StructField[]::new));
    kept = options.label() == null ? kept : kept.add(options.label().field(kept));
    return open(TraceTable.asked(kept, options.promptLogprobs()));
  }

  private TraceTable open(StructType kept) {
    return TraceTable.isName(options.out())
        ? TraceTable.openNamed(spark, options.out(), kept)
        : TraceTable.open(spark, options.out(), kept);
  }

  /** Prompts with the ids of the traces that are wanted of the teacher; see {@link PromptEncoder}. */
  static Dataset<Row> encoded(Prompts prompts, Teacher teacher) {
    GenerateOptions options = teacher.options();
    TraceKey key = TraceKey.of(teacher.values(), teacher.info(), options.runtime());
    PromptEncoder encoder =
        new PromptEncoder(options.runtime(), key, options.samples(), teacher.info().contextLength());
    StructType schema = PromptEncoder.schema(prompts.rows().schema());
    return prompts.rows().mapPartitions(encoder, Encoders.row(schema));
  }

  /** Takes over traces that another prompt of the same text has; returns how many. */
  private long copy(WorkPlan plan, TraceRows rows, String workSet) {
    Dataset<Row> copies =
        plan.copies(
            table.read(spark), options.sampling().maxTokens(), options.tokenIds() && options.runtime().takesTokens(),
            options.sampling().logprobs(),
            options.promptLogprobs());
    if (copies.isEmpty()) {
      return 0;
    }
    String round = copyRounds++ == 0 ? "" : "-" + copyRounds;
    try (Ledger ledger = Ledger.open(spark, table, ledgerOptions(runId + "-copies" + round, workSet))) {
      copies.foreachPartition(new CopyTask(rows, ledger.spec()));
      LedgerProgress done = ledger.finish();
      count(done);
      copied += done.counts().rows();
      return done.counts().rows();
    }
  }

  private LedgerOptions ledgerOptions(String id, String workSet) {
    return LedgerOptions.of(id, workSet, options.commitIntervalMillis()).claimed(epoch, plannedVersion);
  }

  private void count(LedgerProgress done) {
    committed = committed.plus(done.counts());
    lastVersion = Math.max(lastVersion, done.tableVersion());
    disturbed |= done.others();
  }

  private GenerateResult result(Prompts prompts, Accounts accounts, RecoveryResult recovered) {
    RunTotals totals = committed.rows() == 0 ? RunTotals.NONE : RunTotals.of(spark, table, runId);
    return new GenerateResult(
        runId,
        table.path(),
        prompts.counts().total(),
        accounts,
        copied,
        totals.failedByClass(),
        committed.correct(),
        committed.incorrect(),
        committed.undecided(),
        generatedTokens,
        generateSeconds,
        (System.nanoTime() - startNanos) / 1e9,
        recovered.adoptedRows(),
        stopped,
        !options.verifiers().isEmpty(),
        stopped ? budget.reason() : null,
        totals.engineSeconds(),
        totals.costUsd(),
        engines);
  }

  /** Why the run was stopped, and what {@code --stop-when} spared; null for a run that is simply done. */
  private String detail(GenerateResult result) {
    String spared = options.known() == null ? null : values.get(AdaptiveSettings.STOP_WHEN) + " spared "
        + result.accounts().spared() + " of " + result.planned() + " traces";
    String why = result.stopReason();
    return why == null ? spared : spared == null ? why : why + "; " + spared;
  }

  /** The sums of a run that failed, which may have lost its session as well. */
  private RunTotals totals(TraceTable table) {
    try {
      return committed.rows() == 0 ? RunTotals.NONE : RunTotals.of(spark, table, runId);
    } catch (RuntimeException e) {
      return RunTotals.UNKNOWN;
    }
  }
}
