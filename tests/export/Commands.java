// SPDX-License-Identifier: Apache-2.0
import io.winnow.jobs.Winnow;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.spark.sql.SparkSession;

/** Runs command lines, one a line of the input with tabs between the words, in one process and on one Spark session. */
public final class Commands {
  private Commands() {}

  /** Ends with the exit code of the first that fails. */
  public static void main(String[] args) throws Exception {
    SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.databricks.delta.snapshotPartitions", "1")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      int code = Winnow.run(line.split("\t"), System.out, System.err);
      if (code != 0) {
        System.err.println("exit code " + code + " of: winnow " + line.replace('\t', ' '));
        System.exit(code);
      }
    }
    spark.stop();
  }
}
