// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other models than the shipped one, from the fixtures outside of the repository: one of each way to be stored. */
class FixtureModelsTest {
  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path models;

  @BeforeAll
  static void start() {
    String fixtures = System.getProperty("winnow.fixtures", "");
    if (fixtures.isBlank()) {
      System.out.println("FixtureModelsTest is skipped: -Dwinnow.fixtures=DIR is not set");
    }
    assumeTrue(!fixtures.isBlank(), "-Dwinnow.fixtures=DIR is not set");
    models = Path.of(fixtures, "models");
    spark = Tables.local("local[2]");
  }

  @AfterAll
  static void stop() {
    if (spark != null) {
      spark.stop();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen2-bias-tied-bf16", "smollm2-135m-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
      })
  void aModelOfAnotherShapeFillsTheTableToo(String name) throws IOException {
    Path model = models.resolve(name);
    assumeTrue(Files.exists(model), () -> model + " is not there");
    Path prompts = Tables.firstPrompts(folder, 2);
    Path table = Files.createTempDirectory(folder, "table");
    Invocation run =
        Invocation.winnow(
            "generate", "--prompts", prompts.toString(), "--model", model.toString(), "--out", table.toString(),
            "--id-column", "id", "--samples", "2", "--max-tokens", "8", "--verify", "math", "--logprobs");
    run.expect(0);
    assertEquals("0", run.summary("failed"));
    List<Row> rows = Tables.read(spark, table).collectAsList();
    assertEquals(4, rows.size());
    for (Row row : rows) {
      int tokens = row.getAs("completion_tokens");
      assertTrue(tokens >= 1 && tokens <= 8, row::json);
      assertEquals(tokens, row.getList(row.fieldIndex("token_ids")).size(), row::json);
      assertEquals(tokens, row.getList(row.fieldIndex("logprobs")).size(), row::json);
    }
  }
}
