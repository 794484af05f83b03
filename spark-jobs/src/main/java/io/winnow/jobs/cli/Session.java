// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.SidecarSettings;
import io.winnow.inference.conf.UsageException;
import java.io.PrintStream;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * Where a command runs: its streams, its stop signal and a Spark session that is opened when first asked for. A session
 * that already runs is used as it is and left running.
 */
public final class Session implements AutoCloseable {
  private static final String PLUGINS = "spark.plugins";
  private static final String EXTENSIONS = "spark.sql.extensions";
  private static final String DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension";
  private static final String HADOOP_PREFIX = "spark.hadoop.";
  private static final String CATALOG = "spark.sql.catalog.spark_catalog";
  private static final String DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog";
  /** Read by the log4j2.properties in the jar. */
  private static final String SPARK_LOG_LEVEL = "winnow.log.spark";
  private static final String TASK_LOG_LEVEL = "winnow.log.tasks";
  private static final String OWN_LOG_LEVEL = "winnow.log.winnow";

  /** Later ones have no Subject.getSubject, which Hadoop 3.4.2 calls. */
  private static final int LAST_JAVA = 23;

  private final PrintStream out;
  private final PrintStream err;
  private final boolean terminal;
  private final boolean verbose;
  private final StopSignal stop;
  private final String master;
  private final Map<String, String> conf;
  private SparkSession spark;
  private boolean own;

  Session(SettingValues values, Map<String, String> conf, PrintStream out, PrintStream err, boolean terminal,
      StopSignal stop) {
    this(values.find(SessionSettings.MASTER).orElse(null), withSidecar(values, conf), null, out, err, terminal,
        values.find(SessionSettings.VERBOSE).orElse(false), stop);
  }

  private Session(String master, Map<String, String> conf, SparkSession spark, PrintStream out, PrintStream err,
      boolean terminal, boolean verbose, StopSignal stop) {
    this.master = master;
    this.conf = conf;
    this.spark = spark;
    this.out = out;
    this.err = err;
    this.terminal = terminal;
    this.verbose = verbose;
    this.stop = stop;
  }

  /** With what starts the servers of executors early; a dry run starts none. */
  private static Map<String, String> withSidecar(SettingValues values, Map<String, String> conf) {
    Map<String, String> all = new TreeMap<>(conf);
    if (!values.find(GenerateSettings.DRY_RUN).orElse(false)) {
      all.putAll(SidecarSettings.sessionConf(values, conf.getOrDefault(PLUGINS, System.getProperty(PLUGINS))));
    }
    return all;
  }

  /** A session around one that runs; {@link #close} leaves it running. */
  public static Session around(SparkSession spark, PrintStream out, PrintStream err) {
    return new Session(null, Map.of(), spark, out, err, false, false, new StopSignal());
  }

  /** For results. */
  public PrintStream out() {
    return out;
  }

  /** For progress and errors. */
  public PrintStream err() {
    return err;
  }

  /** Whether {@link #err} is a terminal, on which a line may be drawn again. */
  public boolean terminal() {
    return terminal;
  }

  public boolean verbose() {
    return verbose;
  }

  public StopSignal stop() {
    return stop;
  }

  /** The Spark session, opened now if none runs. */
  public synchronized SparkSession spark() {
    if (spark == null) {
      spark = running();
      if (spark == null) {
        System.setProperty(SPARK_LOG_LEVEL, verbose ? "info" : "error");
        System.setProperty(TASK_LOG_LEVEL, verbose ? "info" : "off");
        System.setProperty(OWN_LOG_LEVEL, verbose ? "info" : "warn");
        spark = open();
        own = true;
      }
    }
    return spark;
  }

  /** How to reach file systems, without opening a Spark session: by the session that runs, else by what was given. */
  synchronized Configuration hadoop() {
    SparkSession here = spark == null ? running() : spark;
    if (here != null) {
      return here.sparkContext().hadoopConfiguration();
    }
    Map<String, String> all = new TreeMap<>(systemConf());
    all.putAll(conf);
    Configuration hadoop = new Configuration();
    all.forEach(
        (key, value) -> {
          if (key.startsWith(HADOOP_PREFIX)) {
            hadoop.set(key.substring(HADOOP_PREFIX.length()), value);
          }
        });
    return hadoop;
  }

  static SparkSession running() {
    scala.Option<SparkSession> active = SparkSession.getActiveSession();
    scala.Option<SparkSession> any = active.isDefined() ? active : SparkSession.getDefaultSession();
    return any.isDefined() && !any.get().sparkContext().isStopped() ? any.get() : null;
  }

  private SparkSession open() {
    int java = Runtime.version().feature();
    if (java < 17 || java > LAST_JAVA) {
      throw new UsageException(
          "Cannot start Spark 4.1 on Java " + java + ": its Hadoop client needs Java 17 to " + LAST_JAVA
              + ". Point JAVA_HOME at a JDK 17 or 21.");
    }
    Map<String, String> all = new TreeMap<>(systemConf());
    all.putAll(conf);
    if (master != null) {
      all.put("spark.master", master);
    }
    return builder(all).getOrCreate();
  }

  private static SparkSession.Builder builder(Map<String, String> given) {
    SparkSession.Builder builder = SparkSession.builder();
    sessionConf(given).forEach(builder::config);
    return builder;
  }

  /**
   * What a session is opened with: all that was given, Delta, UTC, and in local mode what suits a command line.
   * Anything given wins, but that Delta's extension is added to other extensions.
   */
  static Map<String, String> sessionConf(Map<String, String> given) {
    Map<String, String> all = new TreeMap<>(given);
    all.putIfAbsent("spark.master", "local[*]");
    all.putIfAbsent("spark.app.name", "winnow");
    String extensions = all.getOrDefault(EXTENSIONS, "");
    if (!extensions.contains(DELTA_EXTENSION)) {
      all.put(EXTENSIONS, extensions.isBlank() ? DELTA_EXTENSION : extensions + "," + DELTA_EXTENSION);
    }
    all.putIfAbsent(CATALOG, DELTA_CATALOG);
    all.putIfAbsent("spark.sql.session.timeZone", "UTC");
    // What a user's OPTIMIZE or DELETE rewrites is then compressed as what we write.
    all.putIfAbsent("spark.sql.parquet.compression.codec", "zstd");
    all.putIfAbsent("spark.ui.showConsoleProgress", "false");
    if (all.get("spark.master").startsWith("local")) {
      // Nothing outside of this host has to reach the driver; binding to loopback also works without a network.
      all.putIfAbsent("spark.driver.host", "127.0.0.1");
      all.putIfAbsent("spark.driver.bindAddress", "127.0.0.1");
      all.putIfAbsent("spark.ui.enabled", "false");
      // Heartbeats carry what running tasks have counted, and with it the progress line.
      all.putIfAbsent("spark.executor.heartbeatInterval", "1s");
      // The defaults, 200 and 50, are for clusters: here each is a task of a few milliseconds.
      all.putIfAbsent("spark.sql.shuffle.partitions", String.valueOf(Runtime.getRuntime().availableProcessors()));
      all.putIfAbsent("spark.databricks.delta.snapshotPartitions", "1");
    }
    return all;
  }

  /** What spark-submit, or -Dspark.…, put into the system properties. */
  static Map<String, String> systemConf() {
    Map<String, String> conf = new TreeMap<>();
    for (String name : System.getProperties().stringPropertyNames()) {
      if (name.startsWith("spark.")) {
        conf.put(name, System.getProperty(name));
      }
    }
    return conf;
  }

  @Override
  public synchronized void close() {
    if (own) {
      spark.stop();
      own = false;
      spark = null;
    }
  }
}
