// SPDX-License-Identifier: Apache-2.0
import io.winnow.jobs.Winnow;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** Exports made-up traces, and says how long it took and what the process held at most: ROWS FOLDER. */
public final class Scale {
  private static final String TRACES =
      "SELECT concat('p', lpad(CAST(id DIV 4 AS STRING), 9, '0')) AS prompt_id, sha2(CAST(id AS STRING), 256) AS"
          + " trace_id,"
          + " CAST(id % 4 AS INT) AS sample_index, concat('How much is ', id, '?') AS prompt, CAST(id AS STRING) AS"
          + " gold,"
          + " concat('<think>', repeat(concat('step ', id, ' '), 60), '</think>', id) AS text, id % 3 = 0 AS correct,"
          + " 'stop' AS finish_reason, 'me/model' AS model, 30 AS prompt_tokens, CAST(id % 4000 AS INT) AS"
          + " completion_tokens"
          + " FROM range(0, %d, 1, 8)";

  private Scale() {}

  /** Runs it. */
  public static void main(String[] args) throws Exception {
    long rows = Long.parseLong(args[0]);
    Path folder = Path.of(args[1]);
    SparkSession spark =
        SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.sql.session.timeZone", "UTC").config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.shuffle.partitions", "8").getOrCreate();
    String in = folder.resolve("traces.parquet").toString();
    spark.sql(TRACES.replace("%d", String.valueOf(rows))).write().mode("overwrite").parquet(in);
    for (String format : List.of("parquet", "jsonl")) {
      long start = System.nanoTime();
      String out = folder.resolve("sft-" + format).toString();
      int code =
          Winnow.run(
              new String[] {"export", "--in", in, "--format", "sft", "--file-format", format, "--out", out,
                  "--shard-size", "100MB", "--partitions", "8"},
              System.out, System.err);
      System.out.printf("%s: %d rows in %.1f s, exit %d%n", format, rows, (System.nanoTime() - start) / 1e9, code);
      if (code != 0) {
        System.exit(code);
      }
    }
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) {
        System.out.println("most memory of the process: " + line.substring(6).strip());
      }
    }
    spark.stop();
  }
}
