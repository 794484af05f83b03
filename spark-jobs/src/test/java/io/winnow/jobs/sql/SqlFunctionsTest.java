// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The functions that {@link WinnowExtensions} brings into a session. */
class SqlFunctionsTest {
  private static final List<String> NAMES =
      List.of(
          "winnow_advantages", "winnow_diverse", "winnow_extract_answer", "winnow_g_pass_at_k", "winnow_length_pairs",
          "winnow_majority", "winnow_math_equal", "winnow_mg_pass_at_k", "winnow_pairs_in_order", "winnow_pass_at_k",
          "winnow_reward", "winnow_verify_math", "winnow_wilson_high", "winnow_wilson_low");

  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.sql.extensions", WinnowExtensions.class.getName())
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
    spark.sparkContext().setLogLevel("ERROR");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Row row(String sql) {
    return spark.sql(sql).head();
  }

  private static Object value(String expression) {
    return row("SELECT " + expression).get(0);
  }

  @Test
  void judgesConstantsAndColumns() {
    Row verdict = row("SELECT winnow_verify_math('1/2', 'So $\\\\boxed{0.5}$.') AS v").getStruct(0);
    String fields = String.join(" ", verdict.schema().fieldNames());
    assertEquals("value score extracted rule detail params version micros", fields);
    assertEquals("correct", verdict.getAs("value"));
    assertEquals(1.0, verdict.<Double>getAs("score"));
    assertEquals("0.5", verdict.getAs("extracted"));
    assertEquals("{}", verdict.getAs("params"));
    Dataset<Row> rows =
        spark.sql(
            "SELECT id, winnow_verify_math(gold, text) AS v FROM VALUES (1, array('3', '4'), '4'),"
                + " (2, array('3'), '4'), (3, NULL, '4'), (4, array('3'), NULL), (5, array(), '4') AS t(id, gold,"
                + " text)");
    assertEquals(
        "[[1,correct], [2,incorrect], [3,undecided], [4,null], [5,undecided]]",
        rows.repartition(3).selectExpr("id", "v.value").orderBy("id").collectAsList().toString());
    // Numbers as golds: 12.50 reads 12.5.
    assertEquals("correct", value("winnow_verify_math(12.50, 'The answer is 12.5').value"));
    assertEquals("correct", value("winnow_verify_math(array(7.0D, 8.0D), 'The answer is 8').value"));
    assertEquals("correct", value("winnow_verify_math('4', '4', map('config', 'winnow')).value"));
    assertEquals("{\"config\":\"winnow\"}", value("winnow_verify_math('4', '4', '{\"config\": \"winnow\"}').params"));
    assertEquals(
        "{\"config\":\"winnow\"}", value("winnow_verify_math('4', '4', named_struct('config', 'winnow')).params"));
  }

  @Test
  void equalityIsTrueFalseOrNull() {
    assertEquals(true, value("winnow_math_equal('1/2', '0.50')"));
    assertEquals(true, value("winnow_math_equal(0.5, '\\\\frac{1}{2}')"));
    assertEquals(false, value("winnow_math_equal('x+1', 'x+2')"));
    assertNull(value("winnow_math_equal('', '1')"));
    assertNull(value("winnow_math_equal(NULL, '1')"));
    assertNull(value("winnow_math_equal('1', CAST(NULL AS string))"));
    assertEquals(
        2L,
        spark.sql(
                "SELECT * FROM VALUES ('1/2'), ('2') AS a(x) JOIN VALUES ('0.5'), ('2.0') AS b(y)"
                    + " ON winnow_math_equal(x, y)")
            .count());
  }

  @Test
  void answersAreTakenOut() {
    assertEquals("4", value("winnow_extract_answer('<think>2+2</think>It is \\\\boxed{4}.')"));
    assertNull(value("winnow_extract_answer('')"));
    assertNull(value("winnow_extract_answer(NULL)"));
  }

  @Test
  void rewardsAreThoseOfScore() {
    assertEquals(1.0, value("winnow_reward('accuracy', '$\\\\boxed{4}$', '$4$')"));
    assertEquals(0.0, value("winnow_reward('accuracy', '$\\\\boxed{5}$', '$4$', map())"));
    assertEquals(0.5, value("winnow_reward('tag_count', '<think>\\nx\\n</think>\\n')"));
    assertNull(value("winnow_reward('format', NULL)"));
    Dataset<Row> named =
        spark.sql(
            "SELECT winnow_reward(n, '<think>\\nx\\n</think>\\n') AS r FROM VALUES ('tag_count'), (NULL) AS t(n)");
    assertEquals("[[null], [0.5]]", named.orderBy("r").collectAsList().toString());
    for (String refused :
        List.of("'length', 'x'", "'soft_overlong_punishment', 'x'", "'acuracy', 'x'", "'format', 'x', 'y', map('a', 1)",
            "'format', 'x', 'y', 'no JSON'", "NULL, 'x'")) {
      assertThrows(AnalysisException.class, () -> spark.sql("SELECT winnow_reward(" + refused + ")"), refused);
    }
  }

  @Test
  void passAtKTakesWholeNumbers() {
    assertEquals(0.5, value("winnow_pass_at_k(4, 1, 2)"));
    assertEquals(1.0, value("winnow_pass_at_k(4L, 3S, 2)"));
    assertNull(value("winnow_pass_at_k(4, 1, 5)"));
    assertNull(value("winnow_pass_at_k(4, NULL, 2)"));
    assertEquals(
        0.75,
        row("SELECT avg(p) FROM (SELECT winnow_pass_at_k(count(*), count_if(c), 2) AS p FROM VALUES"
                + " ('a', true), ('a', false), ('a', false), ('a', false), ('b', true), ('b', true) AS t(g, c) GROUP"
                + " BY g)")
            .getDouble(0));
  }

  @Test
  void wrongTypesAreRefusedWithWhatIsWanted() {
    String[][] wrong = {
      {"winnow_verify_math(map('a', 1), 'x')", "first argument (gold), not a value of type map<string,int>"},
      {"winnow_verify_math('1', array('x'))", "second argument (text), not a value of type array<string>"},
      {"winnow_verify_math('1', 'x', 5)", "third argument (params), not a value of type int"},
      {"winnow_verify_math('1', 'x', map('config', 'mine'))", "Unknown value 'mine'"},
      {"winnow_math_equal('1', current_date())", "second argument (b), not a value of type date"},
      {"winnow_extract_answer(array(1))", "first argument (text), not a value of type array<int>"},
      {"winnow_pass_at_k(4, 1, 0.5)", "third argument (k), not a value of type decimal(1,1)"},
      {"winnow_reward(5, 'x')", "first argument (name), not a value of type int"},
    };
    for (String[] each : wrong) {
      AnalysisException refused = assertThrows(AnalysisException.class, () -> spark.sql("SELECT " + each[0]), each[0]);
      assertTrue(refused.getMessage().contains(each[1]), refused.getMessage());
    }
    for (String few : List.of("winnow_verify_math('1')", "winnow_math_equal('1', '2', '3')", "winnow_pass_at_k(1)")) {
      AnalysisException refused = assertThrows(AnalysisException.class, () -> spark.sql("SELECT " + few), few);
      assertTrue(refused.getMessage().contains("WRONG_NUM_ARGS"), refused.getMessage());
    }
  }

  @Test
  void constantsAreComputedOnceAndColumnsInTasks() {
    String plan =
        spark.sql("SELECT winnow_pass_at_k(4, 1, 2) AS p, winnow_math_equal('1', concat('', id)) AS e FROM range(3)")
            .queryExecution().optimizedPlan().toString();
    assertFalse(plan.contains("winnow_pass_at_k"), plan);
    assertTrue(plan.contains("0.5") && plan.contains("winnow_math_equal"), plan);
  }

  @Test
  void describeTellsUsageArgumentsAndExamplesThatHold() {
    for (String name : NAMES) {
      StringBuilder text = new StringBuilder();
      spark.sql("DESCRIBE FUNCTION EXTENDED " + name).collectAsList()
          .forEach(r -> text.append(r.getString(0)).append('\n'));
      String told = text.toString();
      for (String part : List.of("Usage:", "Arguments:", "Examples:", "Since: 0.1.0", name + "(")) {
        assertTrue(told.contains(part), told);
      }
      int tried = 0;
      String[] lines = told.split("\n");
      for (int i = 0; i + 1 < lines.length; i++) {
        String line = lines[i].strip();
        if (line.startsWith("> SELECT")) {
          assertEquals(
              lines[i + 1].strip(), String.valueOf(row(line.substring(2).replaceAll(";$", "")).get(0)), line);
          tried++;
        }
      }
      assertTrue(tried > 0, told);
    }
    assertTrue(spark.sql("SHOW FUNCTIONS LIKE 'winnow*'").count() >= NAMES.size());
  }

  @Test
  void aSessionThatRunsCanBeGivenThem() {
    SparkSession other = spark.newSession();
    WinnowExtensions.register(other);
    assertEquals(0.5, other.sql("SELECT winnow_pass_at_k(4, 1, 2)").head().getDouble(0));
  }

  @Test
  void estimatesChoicesAndMajoritiesAreFunctions() {
    assertEquals(0.5, value("winnow_g_pass_at_k(4, 1, 2, 0.5)"));
    assertEquals(1.0 / 6, (Double) value("winnow_mg_pass_at_k(4L, 2, 2)"), 1e-15);
    assertNull(value("winnow_g_pass_at_k(4, NULL, 2, 0.5)"));
    assertEquals(0.32440756488388023, (Double) value("winnow_wilson_high(8, 0)"), 1e-14);
    assertEquals(0.1268765839031979, (Double) value("winnow_wilson_low(10, 3, 0.9)"), 1e-14);
    assertTrue(refusal("winnow_wilson_low(10, 'x')").contains("a whole number"));
    Row majority =
        row("SELECT winnow_majority(array('1/2', '0.5', NULL, '3', '3'), array(1D, NULL, 1D, 0D, 0D)) AS m")
            .getStruct(0);
    // Two classes tie: one is right wherever that is known, the other wrong.
    assertEquals("[3,2,4,5,2,0,true,0.4,0.5]", majority.toString());
    assertEquals("[null,0,0,1,0,0,false,0.0,null]", value("winnow_majority(array(CAST(NULL AS STRING)))").toString());
    assertEquals(
        "[[0,null], [2,1.0]]", row("SELECT winnow_diverse(array('a b', 'a b', 'c'), 2, 1)").getList(0).toString());
    assertEquals(
        "[[1,0]]", row("SELECT winnow_length_pairs(array(10D, 50D), array(49D), 3, 1.5)").getList(0).toString());
    assertEquals("[[0,0]]", row("SELECT winnow_pairs_in_order(array(10D, 50D), array(49D), 3)").getList(0).toString());
    List<Double> advantages =
        row("SELECT winnow_advantages(array(1D, 0D, NULL, 0D, 0D)) FROM range(1)").getList(0);
    double wrong = -0.25 / 0.5001;
    assertEquals(Arrays.asList(0.75 / 0.5001, wrong, null, wrong, wrong), advantages);
    assertTrue(refusal("winnow_advantages(array(1D), 'rloo')").contains("not 'rloo'"));
  }

  private static String refusal(String expression) {
    return assertThrows(AnalysisException.class, () -> value(expression)).getMessage();
  }
}
