// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static io.winnow.jobs.table.Schemas.field;
import static org.apache.spark.sql.types.DataTypes.DoubleType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.delta.kernel.exceptions.ConcurrentTransactionException;
import io.delta.kernel.exceptions.ConcurrentWriteException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Later verdicts on a table of traces: an append-only Delta table in {@code OUT/_winnow/verdicts}. A {@link Kind} of
 * verdict is judged by one run at a time: {@link #append} lets only that run go on which planned on all that is there.
 * Thread-safe.
 */
public final class VerdictsTable {
  private static final int MAX_ATTEMPTS = 10;
  private static final StructType SCHEMA = schemaOfVerdicts();

  private final WinnowTable table;

  private VerdictsTable(WinnowTable table) {
    this.table = table;
  }

  /**
   * What verdicts of one kind have in common: with (prompt_id, trace_id) the key of a row.
   *
   * @param verifier name of the verifier
   * @param version its version
   * @param params its parameters as canonical JSON
   */
  public record Kind(String verifier, String version, String params) implements Serializable {
    /** Delta takes its transactions in order, and one of each number: that is what keeps two runs apart. */
    String appId() {
      try {
        String text = verifier + "\n" + version + "\n" + params;
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        return "winnow/verdicts/" + HexFormat.of().formatHex(digest, 0, 16);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("Every Java platform has SHA-256.", e);
      }
    }
  }

  /** Columns of {@code verdicts}, version 1, in order. */
  public static StructType schema() {
    return SCHEMA;
  }

  /** Opens the verdicts beside a table of traces, creating them where there are none. */
  public static VerdictsTable open(TraceTable traces) {
    WinnowTable table = WinnowTable.openOrCreate(path(traces), WinnowTable.VERDICTS, SCHEMA, traces.table().conf());
    table.checkWritable(table.snapshot(), SCHEMA);
    return new VerdictsTable(table);
  }

  /** The verdicts beside a table of traces; empty where there are none. Creates nothing. */
  public static Optional<VerdictsTable> find(TraceTable traces) {
    WinnowTable table = WinnowTable.at(path(traces), traces.table().conf());
    return table.latest().map(snapshot -> new VerdictsTable(table));
  }

  private static String path(TraceTable traces) {
    return new Path(traces.path(), WinnowTable.SIDE_FOLDER + "/verdicts").toString();
  }

  /** Fully qualified path of the table's folder. */
  public String path() {
    return table.path();
  }

  /** Version of the table's newest commit. */
  public long version() {
    return table.snapshot().getVersion();
  }

  /** The verdicts as of now. */
  public Dataset<Row> read(SparkSession spark) {
    return spark.read().format("delta").load(path());
  }

  /** The verdicts of one kind as of now. */
  public Dataset<Row> read(SparkSession spark, Kind kind) {
    return read(spark)
        .filter(functions.col("verifier").equalTo(kind.verifier()))
        .filter(functions.col("version").equalTo(kind.version()))
        .filter(functions.col("params").equalTo(kind.params()));
  }

  /** Number of the last batch of that kind, 0 before the first. To be asked before the verdicts are read. */
  public long lastBatch(Kind kind) {
    return table.lastTransaction(kind.appId()).orElse(0);
  }

  /** What a task needs in order to write verdicts. */
  public VerdictWriter.Spec writerSpec() {
    return new VerdictWriter.Spec(path(), new SerializableConfiguration(table.conf()));
  }

  /**
   * Appends the files of a batch in one transaction.
   *
   * @param batch one more than the last batch that the files' verdicts were planned on
   * @return the version that holds them; empty if another run has added such verdicts meanwhile (or, after a failure of
   *     the storage, this batch might be in already): read the table and plan again
   */
  public Optional<Long> append(Kind kind, long batch, List<VerdictFile> files) {
    List<DataFile> dataFiles = files.stream().map(VerdictFile::dataFile).toList();
    for (int attempt = 1; ; attempt++) {
      try {
        return Optional.of(table.append(kind.appId(), batch, SCHEMA, dataFiles));
      } catch (ConcurrentTransactionException e) {
        return Optional.empty();
      } catch (ConcurrentWriteException e) {
        // Something else was committed in between, an OPTIMIZE or verdicts of another kind.
        if (attempt >= MAX_ATTEMPTS) {
          throw TableErrors.verdictsNotCommitted(path(), attempt, e);
        }
      }
    }
  }

  private static StructType schemaOfVerdicts() {
    return new StructType()
        .add(field("prompt_id", StringType, "Id of the prompt; with trace_id the key of the trace, never null"))
        .add(field("trace_id", StringType, "Key of the trace within its prompt, never null"))
        .add(field("verifier", StringType, "Name of the verifier, never null"))
        .add(field("value", StringType, "correct, incorrect, undecided or error"))
        .add(field("score", DoubleType, "Score of the verifier, where it gives one"))
        .add(field("extracted", StringType, "The answer that was compared"))
        .add(field("rule", StringType, "The rule that decided"))
        .add(field("detail", StringType, "Evidence or reason in words, for example truncated"))
        .add(field("params", StringType, "Parameters of the verifier, canonical JSON; never null"))
        .add(field("version", StringType, "Version of the verifier, never null"))
        .add(field("micros", LongType, "Time of the verdict in microseconds"))
        .add(field("run_id", StringType, "Run that wrote the row; joins _winnow/runs"))
        .add(field("created_at", TimestampType, "When the trace was judged"));
  }
}
