// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs;

import io.winnow.inference.conf.DecontaminateSettings;
import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.SelectSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.conf.VerifySettings;
import io.winnow.jobs.cli.BenchCommand;
import io.winnow.jobs.cli.Command;
import io.winnow.jobs.cli.CommandLineRunner;
import io.winnow.jobs.cli.DecontaminateCommand;
import io.winnow.jobs.cli.DoctorCommand;
import io.winnow.jobs.cli.ExportCommand;
import io.winnow.jobs.cli.GenerateCommand;
import io.winnow.jobs.cli.GenerateWork;
import io.winnow.jobs.cli.PassRateCommand;
import io.winnow.jobs.cli.ReplayCommand;
import io.winnow.jobs.cli.RunCommand;
import io.winnow.jobs.cli.RunSummary;
import io.winnow.jobs.cli.ScoreCommand;
import io.winnow.jobs.cli.SelectCommand;
import io.winnow.jobs.cli.Session;
import io.winnow.jobs.cli.StatusCommand;
import io.winnow.jobs.cli.StopSignal;
import io.winnow.jobs.cli.TeachersCommand;
import io.winnow.jobs.cli.VerifyCommand;
import io.winnow.jobs.job.DecontaminateJob;
import io.winnow.jobs.job.EngineFacts;
import io.winnow.jobs.job.ExportJob;
import io.winnow.jobs.job.ExportResult;
import io.winnow.jobs.job.RewardJob;
import io.winnow.jobs.job.VerifyRows;
import io.winnow.jobs.refine.PassRateJob;
import io.winnow.jobs.refine.SelectJob;
import io.winnow.jobs.sql.WinnowExtensions;
import io.winnow.jobs.table.TraceTable;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The command line, and the same words from Java and PySpark. {@code java -cp 'winnow.jar:spark/jars/*'
 * io.winnow.jobs.Winnow generate …} opens a local session; under spark-submit its session is used.
 */
public final class Winnow {
  private static final String VERSION = "0.1.0";

  /** The work behind {@code generate}. */
  private static final GenerateCommand GENERATE = new GenerateCommand(GenerateWork::run);

  private Winnow() {}

  /** Runs a command line and ends the process with its exit code. */
  public static void main(String[] args) {
    PrintStream out = utf8(FileDescriptor.out);
    PrintStream err = utf8(FileDescriptor.err);
    StopSignal stop = StopSignal.listening();
    int exitCode = runner().run(args, out, err, isTerminal(), stop);
    out.flush();
    err.flush();
    System.exit(exitCode);
  }

  /** Whether the error stream is a terminal; Java itself knows only whether all three streams are. */
  private static boolean isTerminal() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | RuntimeException e) {
      return System.console() != null;
    }
  }

  /** Names and texts are UTF-8 whatever the locale of the host. */
  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /**
   * Runs a command line in this process, on the Spark session that runs or on one of its own.
   *
   * @return the exit code
   */
  public static int run(String[] args, PrintStream out, PrintStream err) {
    return runner().run(args, out, err, false, new StopSignal());
  }

  /**
   * {@code generate} on a session that runs, from Java or, by py4j, from Python.
   *
   * @param options as on the command line, without dashes or in camel case; lists are one value or a JSON array of
   *     strings
   * @return what it did; empty after a dry run
   * @throws UsageException when the options cannot work
   */
  public static Optional<RunSummary> generate(SparkSession spark, Map<String, String> options) throws Exception {
    SettingValues values = values(spark, GenerateSettings.ALL, options);
    GenerateSettings.validate(values);
    CommandLineRunner.checkKernels(EngineFacts.kernelsRefusal());
    try (Session session = Session.around(spark, System.out, System.err)) {
      return GENERATE.summary(values, session);
    }
  }

  /**
   * {@code generate} on the prompts of a DataFrame.
   *
   * @param prompts read some times, so what makes it must give the same rows each time
   * @param options as for {@link #generate(SparkSession, Map)}, without {@code prompts} and {@code format}
   * @return the traces of {@code out}, those of earlier runs included; no rows after a dry run
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> generate(Dataset<Row> prompts, Map<String, String> options) throws Exception {
    SparkSession spark = prompts.sparkSession();
    String view = "winnow_prompts_" + Integer.toHexString(prompts.semanticHash());
    Map<String, String> all = new HashMap<>(options);
    for (String own : List.of(GenerateSettings.PROMPTS.name(), GenerateSettings.FORMAT.name())) {
      if (all.put(own, own.equals(GenerateSettings.PROMPTS.name()) ? view : "table") != null) {
        throw new UsageException("Cannot use the option " + own + " here: the DataFrame is the input. Leave it out.");
      }
    }
    prompts.createOrReplaceTempView(view);
    try {
      String out = all.getOrDefault(GenerateSettings.OUT.name(), "");
      return generate(spark, all).isEmpty()
          ? spark.emptyDataFrame()
          : TraceTable.isName(out) ? spark.table(out) : spark.read().format("delta").load(out);
    } finally {
      spark.catalog().dropTempView(view);
    }
  }

  /**
   * A DataFrame with the columns that {@code verify --in} adds: verdict, extracted, detail and verified_by, and with
   * {@code majority} those of the majority; with {@code report=golds} only the rows of suspicious golds. Lazy.
   *
   * @param options as on the command line, without dashes or in camel case: verifier, goldColumn, completionColumn …
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> verify(Dataset<Row> rows, Map<String, String> options) {
    return VerifyRows.added(rows, values(rows.sparkSession(), VerifySettings.OF_ROWS, options));
  }

  /**
   * A DataFrame with the columns that {@code score --reward} adds. Lazy.
   *
   * @param options as on the command line, without dashes or in camel case; {@code reward} is one reward or a JSON
   *     array of them
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> score(Dataset<Row> rows, Map<String, String> options) {
    SettingValues values = values(rows.sparkSession(), ScoreSettings.OF_ROWS, options);
    if (values.get(ScoreSettings.REWARD).isEmpty()) {
      throw new UsageException("The option --reward is missing: " + ScoreSettings.REWARD.doc());
    }
    return RewardJob.added(rows, values);
  }

  /**
   * A row a prompt with its pass rates, as {@code pass-rate} writes them. Lazy.
   *
   * @param rows traces, or graded completions
   * @param options as on the command line, without dashes or in camel case: k, tau, min, max, correctColumn …
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> passRate(Dataset<Row> rows, Map<String, String> options) {
    return PassRateJob.of(rows, values(rows.sparkSession(), PassRateSettings.OF_ROWS, options));
  }

  /**
   * What {@code select} takes of judged rows. Lazy.
   *
   * @param rows traces, or graded completions
   * @param options as on the command line, without dashes or in camel case: strategy, perPrompt, rankBy …
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> select(Dataset<Row> rows, Map<String, String> options) {
    return SelectJob.of(rows, values(rows.sparkSession(), SelectSettings.OF_ROWS, options));
  }

  /**
   * Writes a DataFrame as a data set for trainers, as {@code export} does; the DataFrame is read some times, so what
   * makes it must give the same rows each time.
   *
   * @param options as on the command line, without dashes or in camel case: format, out, thinking …
   * @return what was written
   * @throws UsageException when the options cannot work
   */
  public static ExportResult export(Dataset<Row> rows, Map<String, String> options) {
    return ExportJob.run(rows, values(rows.sparkSession(), ExportSettings.OF_ROWS, options));
  }

  /**
   * A DataFrame with the columns that {@code decontaminate} adds: contaminated and evidence. Lazy, but that the
   * benchmarks are read.
   *
   * @param options as on the command line, without dashes or in camel case: {@code column}, {@code against}, {@code
   *     mode} …; several of one are a JSON array
   * @throws UsageException when the options cannot work
   */
  public static Dataset<Row> decontaminate(Dataset<Row> rows, Map<String, String> options) {
    return DecontaminateJob.added(rows, values(rows.sparkSession(), DecontaminateSettings.OF_ROWS, options));
  }

  /**
   * Gives the SQL functions to a session that runs already; one that is still to be made takes {@code
   * spark.sql.extensions=io.winnow.jobs.sql.WinnowExtensions}.
   */
  public static void registerFunctions(SparkSession spark) {
    WinnowExtensions.register(spark);
  }

  private static SettingValues values(SparkSession spark, List<Setting<?>> settings, Map<String, String> options) {
    return SettingValues.ofMap(settings, options, key -> spark.conf().getOption(key).getOrElse(() -> null));
  }

  private static CommandLineRunner runner() {
    List<Command> commands =
        List.of(
            GENERATE, new VerifyCommand(), new ScoreCommand(), new PassRateCommand(), new SelectCommand(),
            new DecontaminateCommand(), new ExportCommand(), new TeachersCommand(), new ReplayCommand(),
            new StatusCommand(), new BenchCommand(), new DoctorCommand(EngineFacts::kernels));
    List<Command> all = new ArrayList<>(commands);
    all.add(new RunCommand(commands, EngineFacts::kernelsRefusal));
    return new CommandLineRunner(all, VERSION, EngineFacts::kernelsRefusal);
  }
}
