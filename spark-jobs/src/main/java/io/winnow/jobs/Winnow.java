// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.cli.BenchCommand;
import io.winnow.jobs.cli.Command;
import io.winnow.jobs.cli.CommandLineRunner;
import io.winnow.jobs.cli.DoctorCommand;
import io.winnow.jobs.cli.GenerateCommand;
import io.winnow.jobs.cli.GenerateWork;
import io.winnow.jobs.cli.ReplayCommand;
import io.winnow.jobs.cli.RunSummary;
import io.winnow.jobs.cli.ScoreCommand;
import io.winnow.jobs.cli.Session;
import io.winnow.jobs.cli.StatusCommand;
import io.winnow.jobs.cli.StopSignal;
import io.winnow.jobs.cli.VerifyCommand;
import io.winnow.jobs.job.EngineFacts;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    SettingValues values =
        SettingValues.ofMap(
            GenerateSettings.ALL, options, key -> spark.conf().getOption(key).getOrElse(() -> null));
    GenerateSettings.validate(values);
    CommandLineRunner.checkKernels(EngineFacts.kernelsRefusal());
    try (Session session = Session.around(spark, System.out, System.err)) {
      return GENERATE.summary(values, session);
    }
  }

  private static CommandLineRunner runner() {
    List<Command> commands =
        List.of(
            GENERATE, new VerifyCommand(), new ScoreCommand(), new ReplayCommand(), new StatusCommand(), new BenchCommand(),
            new DoctorCommand(EngineFacts::kernels));
    return new CommandLineRunner(commands, VERSION, EngineFacts::kernelsRefusal);
  }
}
