// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The recipes that are shipped: what they say is right, and the first one makes a data set with the shipped model. */
class RecipesTest {
  private static final Path RECIPES = Invocation.ROOT.resolve("conf/recipes");
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

  @TempDir static Path folder;

  private static SparkSession spark;
  private static String schema;

  @BeforeAll
  static void start() {
    spark = Tables.local("local[2]");
    schema = Invocation.winnow("run", "--schema").expect(0).out();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static List<Path> recipes() throws IOException {
    try (Stream<Path> files = Files.list(RECIPES)) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  /** The words that run a recipe in the test's own folder, from wherever the test runs. */
  private static Invocation run(Path recipe, String... more) {
    String root = Invocation.ROOT + "/";
    String[] words = {"run", recipe.toString(), "--record", folder.resolve("record").toString()};
    String[] here = {
      "--param", "out=" + folder.resolve("out"),
      "--param", "benchmarks=sample=" + root + "examples/benchmark.jsonl:problem",
      "--param", "prompts=" + root + "examples/prompts.jsonl", "--param", "model=" + root + "examples/model"
    };
    return Invocation.winnow(Stream.of(words, here, more).flatMap(Stream::of).toArray(String[]::new));
  }

  @Test
  void theSchemaOfTheDocumentsIsThatOfTheCommands() throws IOException {
    assertEquals(
        schema, Files.readString(Invocation.ROOT.resolve("docs/recipe.schema.json")),
        "make it anew: ./winnow run --schema > docs/recipe.schema.json");
  }

  @Test
  void allRecipesAreRightByTheSchemaAndByTheirOwnCheck() throws IOException {
    JsonNode rules = new ObjectMapper().readTree(schema);
    assertEquals(5, recipes().size());
    for (Path recipe : recipes()) {
      assertEquals(List.of(), SchemaCheck.of(rules, YAML.readTree(recipe.toFile())), recipe.toString());
      Invocation dry =
          Invocation.winnow("run", recipe.toString(), "--dry-run", "--record", folder.resolve("dry").toString())
              .expect(0);
      assertTrue(dry.out().contains("steps would run. Nothing was done."), dry.out());
      assertTrue(Files.readString(recipe).contains("# yaml-language-server: $schema=../../docs/recipe.schema.json"));
    }
    assertFalse(Files.exists(folder.resolve("dry")));
  }

  /** What the schema refuses is what the command refuses. */
  @Test
  void theSchemaRefusesWhatTheCommandRefuses() throws IOException {
    JsonNode rules = new ObjectMapper().readTree(schema);
    String good = "steps: [{name: a, uses: generate, with: {prompts: p, model: m, out: o, samples: 2}}]";
    assertEquals(List.of(), SchemaCheck.of(rules, YAML.readTree(good)));
    for (String[] change : new String[][] {
      {"samples: 2", "sample: 2"}, {"samples: 2", "samples: two"}, {"samples: 2", "weights: int3"},
      {"uses: generate", "uses: make"}, {"name: a", "name: A!"}, {"steps", "stages"}, {"name: a, ", ""},
      {"with", "width"}, {"samples: 2", "master: local"}
    }) {
      String bad = good.replace(change[0], change[1]);
      assertFalse(SchemaCheck.of(rules, YAML.readTree(bad)).isEmpty(), bad);
      Path file = Files.writeString(folder.resolve("bad.yaml"), bad);
      Invocation.winnow("run", file.toString(), "--dry-run").expect(2);
    }
  }

  @Test
  void fromProblemsToADataSetWithTheShippedModel() throws IOException {
    Path recipe = RECIPES.resolve("r1-distill-math.yaml");
    String[] small = {"--param", "limit=12", "--param", "most_samples=4", "--param", "max_tokens=64"};
    Invocation first = run(recipe, small).expect(0);
    Path out = folder.resolve("out");
    for (String step : List.of("clean", "traces", "rates", "kept", "dataset")) {
      assertTrue(first.out().lines().anyMatch(line -> line.matches(step + " .* done .*")), first.out());
    }
    // The first problem shares eight words with the benchmark, as its own file says.
    List<Row> prompts = spark.read().format("delta").load(out.resolve("traces").toString())
        .selectExpr("prompt", "correct").collectAsList();
    assertTrue(prompts.stream().noneMatch(row -> row.getString(0).contains("Kira reads 5 pages every day for 7 days")));
    assertEquals(12, prompts.stream().map(row -> row.getString(0)).distinct().count());
    long kept = spark.read().format("delta").load(out.resolve("kept").toString()).count();
    assertTrue(kept > 0, first.out());
    JsonNode manifest = new ObjectMapper().readTree(out.resolve("dataset/manifest.json").toFile());
    long rows = 0;
    for (JsonNode file : manifest.findValues("rows")) {
      rows += file.isNumber() ? file.asLong() : 0;
    }
    assertTrue(rows >= kept, manifest.toString());

    Invocation again = run(recipe, small).expect(0);
    assertEquals(5, again.out().lines().filter(line -> line.contains(" up to date ")).count(), again.out());
    assertFalse(again.out().contains("=="), again.out());
    small[1] = "limit=13";
    Invocation more = run(recipe, Stream.concat(Stream.of(small), Stream.of("--dry-run")).toArray(String[]::new));
    assertTrue(more.out().contains("clean: decontaminate   up to date"), more.out());
    assertTrue(
        more.out().contains("traces: generate   would run: changed setting: limit (12 before, now 13)"), more.out());
    assertTrue(more.out().contains("dataset: export   would run: if kept changes its input"), more.out());
  }
}
