// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.Winnow;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.MutableURLClassLoader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Which share of the operators of each relational job RAPIDS would run on a GPU, by its own explain-only mode, which
 * needs none: {@code make rapids}.
 */
@EnabledIfSystemProperty(named = "winnow.rapids", matches = ".+", disabledReason = "only with -Prapids")
class RapidsShareTest {
  private static final double LEAST = 0.9;

  /** A line of RAPIDS' explanation: a mark, the operator, and why. */
  private static final Pattern OPERATOR =
      Pattern.compile("^\\s*([*!@#])\\s*(?:Exec|NOT_FOUND)?\\s*<(\\w+(?:Exec|Command\\w*))>\\s*(.*)$");

  private static final Pattern EXPRESSION = Pattern.compile("^\\s*!Expression <(\\w+)> .*cannot run on GPU because .*$");
  private static final String OF_EXPRESSIONS = "not all expressions can be replaced";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static ClassLoader before;

  /** Operators of a plan. */
  private record Share(int onGpu, List<String> onCpu) {
    double share() {
      return (double) onGpu / (onGpu + onCpu.size());
    }

    Share and(Share other) {
      List<String> both = new ArrayList<>(onCpu);
      both.addAll(other.onCpu);
      return new Share(onGpu + other.onGpu, both);
    }
  }

  @BeforeAll
  static void start() throws Exception {
    URL jar = Path.of(System.getProperty("winnow.rapids")).toUri().toURL();
    before = Thread.currentThread().getContextClassLoader();
    // RAPIDS picks its classes for this Spark by the loader that spark-submit would have it in.
    Thread.currentThread().setContextClassLoader(new MutableURLClassLoader(new URL[] {jar}, before));
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.plugins", "com.nvidia.spark.SQLPlugin")
            .config("spark.rapids.sql.mode", "explainOnly")
            .config("spark.rapids.sql.explain", "NONE")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.extensions", "io.winnow.jobs.sql.WinnowExtensions")
            .getOrCreate();
    spark.sparkContext().setLogLevel("OFF");
  }

  @AfterAll
  static void stop() {
    spark.stop();
    Thread.currentThread().setContextClassLoader(before);
  }

  private static Share share(Dataset<Row> rows) throws ReflectiveOperationException {
    String explained =
        (String)
            Class.forName("com.nvidia.spark.rapids.ExplainPlan", true, Thread.currentThread().getContextClassLoader())
                .getMethod("explainPotentialGpuPlan", Dataset.class, String.class)
                .invoke(null, rows, "ALL");
    return share(explained);
  }

  private static Share share(String explained) {
    int onGpu = 0;
    List<String> onCpu = new ArrayList<>();
    boolean seeking = false;
    for (String line : explained.split("\n")) {
      Matcher operator = OPERATOR.matcher(line);
      Matcher expression = EXPRESSION.matcher(line);
      if (operator.matches()) {
        String mark = operator.group(1);
        seeking = false;
        if (mark.equals("*")) {
          onGpu++;
        } else if (!mark.equals("#")) { // what is removed runs nowhere
          onCpu.add(operator.group(2) + ": " + reason(operator.group(3)));
          seeking = operator.group(3).contains(OF_EXPRESSIONS);
        }
      } else if (seeking && expression.matches()) {
        onCpu.add(onCpu.remove(onCpu.size() - 1).replace(OF_EXPRESSIONS, expression.group(1) + ", " + reason(line)));
        seeking = false;
      }
    }
    return new Share(onGpu, onCpu);
  }

  private static String reason(String line) {
    String why = line.replaceFirst("^.*?cannot run on GPU because ", "");
    return why.substring(0, Math.min(why.length(), 160));
  }

  @Test
  void readsExplanations() {
    Share share =
        share(
            "*Exec <ProjectExec> will run on GPU\n  *Expression <Size> size(x) will run on GPU\n"
                + "  !Exec <SortExec> cannot run on GPU because of this\n"
                + "  !Exec <WindowExec> cannot run on GPU because not all expressions can be replaced\n"
                + "    *Expression <Size> size(x) will run on GPU\n"
                + "    !Expression <StddevSamp> stddev(x) cannot run on GPU because of that\n"
                + "    #Exec <SortExec> could run on GPU but is going to be removed\n"
                + "    ! <RDDScanExec> cannot run on GPU because GPU does not currently support it\n"
                + "      @Exec <FilterExec> could run on GPU but is not worth it");
    assertEquals(1, share.onGpu());
    assertEquals(
        List.of(
            "SortExec: of this", "WindowExec: StddevSamp, of that", "RDDScanExec: GPU does not currently support it",
            "FilterExec: could run on GPU but is not worth it"),
        share.onCpu());
  }

  private static Dataset<Row> table(String name, String sql) {
    String path = folder.resolve(name + ".parquet").toString();
    spark.sql(sql).write().mode("ignore").parquet(path);
    return spark.read().parquet(path);
  }

  /** A job as Winnow's Java entry offers it; null where it is not there. */
  @SuppressWarnings("unchecked") // what the entry's methods return
  private static Dataset<Row> job(String method, Dataset<Row> rows, Map<String, String> options)
      throws ReflectiveOperationException {
    try {
      return (Dataset<Row>) Winnow.class.getMethod(method, Dataset.class, Map.class).invoke(null, rows, options);
    } catch (NoSuchMethodException e) {
      return null;
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  @TestFactory
  List<DynamicTest> mostOperatorsOfEachJobRunOnTheGpu() {
    Dataset<Row> documents =
        table("documents", "select id, concat('What is the sum of one and ', id) text from range(9)");
    String against = "b=" + folder.resolve("documents.parquet") + ":text";
    Dataset<Row> traces =
        table(
            "traces",
            "select concat('p', id % 3) prompt_id, concat('t', id) trace_id, cast(id as int) sample_index, 'm' model,"
                + " id % 2 = 0 correct, 'stop' finish_reason, 9 prompt_tokens, 7 completion_tokens, double(id) reward,"
                + " 'q' prompt, 'g' gold, 'long text' text, '7' answer from range(9)");
    Map<String, Map<String, String>> decontaminate = new LinkedHashMap<>();
    for (String mode : List.of("open-r1", "strict")) {
      for (String join : List.of("broadcast", "shuffle")) {
        decontaminate.put(
            "--mode " + mode + " --join " + join,
            Map.of("column", "text", "against", against, "mode", mode, "join", join));
      }
    }
    Map<String, Map<String, String>> select = new LinkedHashMap<>();
    for (String strategy : List.of("correct", "best", "dpo", "grpo", "kto")) {
      select.put("--strategy " + strategy, Map.of("strategy", strategy));
    }
    return List.of(
        test("decontaminate", "decontaminate", documents, decontaminate),
        test("pass-rate", "passRate", traces, Map.of("", Map.of())),
        test("select", "select", traces, select));
  }

  /** A job in several ways; what counts is the share of all their operators. */
  private static DynamicTest test(
      String name, String method, Dataset<Row> rows, Map<String, Map<String, String>> ways) {
    return DynamicTest.dynamicTest(
        name,
        () -> {
          Share all = new Share(0, List.of());
          for (Map.Entry<String, Map<String, String>> way : ways.entrySet()) {
            Dataset<Row> planned = job(method, rows, way.getValue());
            if (planned == null) {
              System.out.printf("%-48s not there%n", name);
              return;
            }
            Share share = share(planned);
            print(name + " " + way.getKey(), share);
            share.onCpu().forEach(operator -> System.out.println("    not " + operator));
            all = all.and(share);
          }
          print(name + ", all", all);
          assertTrue(all.share() >= LEAST, name + ": " + all);
        });
  }

  private static void print(String what, Share share) {
    System.out.printf(
        Locale.ROOT, "%-48s %3d of %3d operators on the GPU (%.1f %%)%n", what, share.onGpu(),
        share.onGpu() + share.onCpu().size(), 100 * share.share());
  }
}
