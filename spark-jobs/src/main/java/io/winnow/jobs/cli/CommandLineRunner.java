// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** Parses words, finds the command, runs it, and turns every failure into one line and an exit code. */
public final class CommandLineRunner {
  private static final String PROGRAM = "winnow";
  private static final String HELP = "--help";
  private static final String VERSION = "--version";

  private final List<Command> commands;
  private final String version;
  private final Supplier<String> kernelsRefusal;

  /** @param kernelsRefusal why commands that use the kernels cannot do so here; null if they can */
  public CommandLineRunner(List<Command> commands, String version, Supplier<String> kernelsRefusal) {
    this.commands = List.copyOf(commands);
    this.version = version;
    this.kernelsRefusal = kernelsRefusal;
  }

  /**
   * Runs a command line. Nothing is thrown and the process is not ended.
   *
   * @param terminal whether {@code err} is a terminal
   * @return one of {@link ExitCode}
   */
  public int run(String[] args, PrintStream out, PrintStream err, boolean terminal, StopSignal stop) {
    boolean verbose = Arrays.asList(args).contains("--verbose");
    try {
      return dispatch(args, out, err, terminal, stop);
    } catch (UsageException e) {
      return failed(err, e, verbose, ExitCode.USAGE);
    } catch (Exception | LinkageError | OutOfMemoryError | StackOverflowError e) {
      UsageException usage = usageIn(e);
      return usage == null
          ? failed(err, e, verbose, ExitCode.FAILED)
          : failed(err, usage, verbose, ExitCode.USAGE);
    }
  }

  private int dispatch(String[] args, PrintStream out, PrintStream err, boolean terminal, StopSignal stop)
      throws Exception {
    if (args.length == 0) {
      err.print(HelpText.overview(commands));
      return ExitCode.USAGE;
    }
    if (args[0].equals(HELP) || args[0].equals("-h") || args[0].equals("help")) {
      out.print(args.length > 1 && !args[1].startsWith("-")
          ? HelpText.of(command(args[1]))
          : HelpText.overview(commands));
      return ExitCode.DONE;
    }
    if (args[0].equals(VERSION) || args[0].equals("-V")) {
      out.println(PROGRAM + " " + version);
      return ExitCode.DONE;
    }
    Command command = command(args[0]);
    ParseResult parsed = parse(command, Arrays.copyOfRange(args, 1, args.length));
    if (parsed.isUsageHelpRequested()) {
      out.print(HelpText.of(command));
      return ExitCode.DONE;
    }
    Map<String, List<String>> options = options(command, parsed);
    Map<String, String> conf = sparkConf(options);
    SettingValues values = SettingValues.resolve(command.settings(), options, lookUp(conf));
    command.validate(values);
    if (command.usesKernels(values)) {
      checkKernels(kernelsRefusal.get());
    }
    try (Session session = new Session(values, conf, out, err, terminal, stop)) {
      return command.run(values, session);
    }
  }

  /**
   * Refuses to start what could not compute.
   *
   * @param refusal the reason, null if there is none
   */
  public static void checkKernels(String refusal) {
    if (refusal != null) {
      throw new UsageException("Cannot compute: " + refusal + ".");
    }
  }

  private Command command(String name) {
    List<String> names = commands.stream().map(Command::name).toList();
    int at = names.indexOf(name);
    if (at < 0) {
      throw new UsageException(
          name.startsWith("-")
              ? "Unknown option '" + name + "' before a command. Commands: " + String.join(", ", names) + "."
              : "Unknown command '" + name + "'." + NearestName.hint(name, names) + " Commands: "
                  + String.join(", ", names) + ".");
    }
    return commands.get(at);
  }

  static CommandSpec spec(Command command) {
    CommandSpec spec = CommandSpec.create().name(PROGRAM + " " + command.name());
    for (Setting<?> setting : command.settings()) {
      OptionSpec.Builder option = OptionSpec.builder(setting.option()).paramLabel(setting.label());
      // Every value is taken as text, and several of them as several, so that the declarations alone judge them.
      option.type(List.class).auxiliaryTypes(String.class);
      if (setting.kind() == Setting.Kind.BOOLEAN) {
        option.arity("0..1").fallbackValue("true");
      } else {
        option.arity("1");
      }
      spec.addOption(option.build());
    }
    if (command.operand() != null) {
      spec.addPositional(
          PositionalParamSpec.builder().index("0").arity("0..1").paramLabel(command.operand().label())
              .type(List.class).auxiliaryTypes(String.class).build());
    }
    return spec.addOption(OptionSpec.builder("-h", HELP).usageHelp(true).build());
  }

  private static ParseResult parse(Command command, String[] args) {
    CommandLine parser =
        new CommandLine(spec(command))
            .setExpandAtFiles(false) // a value may start with @
            .setInterpolateVariables(false)
            .setTrimQuotes(false)
            .setPosixClusteredShortOptionsAllowed(false);
    try {
      return parser.parseArgs(args);
    } catch (CommandLine.UnmatchedArgumentException e) {
      String unknown = e.getUnmatched().get(0);
      throw new UsageException(unknownWord(command, unknown), e);
    } catch (CommandLine.ParameterException e) {
      throw new UsageException(
          "Cannot read the options: " + e.getMessage() + ". See " + PROGRAM + " " + command.name() + " " + HELP + ".",
          e);
    }
  }

  private static String unknownWord(Command command, String word) {
    String see = " See " + PROGRAM + " " + command.name() + " " + HELP + ".";
    if (!word.startsWith("-")) {
      return "Unexpected word '" + word + "' after " + command.name()
          + ": a value follows its option, and one with blanks"
          + " is quoted." + see;
    }
    String option = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
    List<String> names = command.settings().stream().map(Setting::option).toList();
    return "Unknown option '" + option + "' of " + command.name() + "." + NearestName.hint(option, names) + see;
  }

  private static Map<String, List<String>> options(Command command, ParseResult parsed) {
    Map<String, List<String>> options = new TreeMap<>();
    for (Setting<?> setting : command.settings()) {
      if (parsed.hasMatchedOption(setting.option())) {
        options.put(setting.name(), List.copyOf(parsed.matchedOption(setting.option()).<List<String>>getValue()));
      }
    }
    if (command.operand() != null && parsed.hasMatchedPositional(0)) {
      List<String> all = new ArrayList<>(options.getOrDefault(command.operand().name(), List.of()));
      all.addAll(parsed.matchedPositional(0).<List<String>>getValue());
      options.put(command.operand().name(), all);
    }
    return options;
  }

  private static Map<String, String> sparkConf(Map<String, List<String>> options) {
    List<String> texts = options.get(SessionSettings.CONF.name());
    return texts == null ? Map.of() : SessionSettings.pairs(SessionSettings.parsedConf(texts));
  }

  /** {@code --conf}, then a session that runs, then what spark-submit gave. */
  static Function<String, String> lookUp(Map<String, String> conf) {
    SparkSession running = Session.running();
    return key -> {
      if (conf.containsKey(key)) {
        return conf.get(key);
      }
      return running == null ? System.getProperty(key) : running.conf().getOption(key).getOrElse(() -> null);
    };
  }

  private static UsageException usageIn(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UsageException usage) {
        return usage;
      }
    }
    return null;
  }

  private static int failed(PrintStream err, Throwable failure, boolean verbose, int exitCode) {
    err.println(PROGRAM + ": " + line(failure));
    if (verbose) {
      failure.printStackTrace(err);
    }
    return exitCode;
  }

  /**
   * A message in one line: that of the outermost failure of ours, which knows what the user asked for, else that of the
   * innermost cause, because what Spark wraps around it says only where it ran.
   */
  static String line(Throwable failure) {
    Throwable told = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      boolean says = cause.getMessage() != null && !cause.getMessage().isBlank();
      if (says) {
        told = cause;
      }
      if (says && cause.getClass().getName().startsWith("io.winnow.")) {
        return oneLine(cause.getMessage());
      }
    }
    String message = told.getMessage() == null ? "" : oneLine(told.getMessage());
    String text = told.getClass().getSimpleName() + (message.isEmpty() ? "" : ": " + message);
    return text + (text.endsWith(".") ? "" : ".") + " Run again with --verbose for the stack trace.";
  }

  private static String oneLine(String message) {
    return message.replaceAll("\\s*[\\r\\n]+\\s*", " ").strip();
  }
}
