// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/**
 * How Delta puts a commit in place on a file system: its log store. Spark's Delta and Delta Kernel are told by two
 * settings, {@code spark.delta.logStore.SCHEME.impl} of Spark and {@code io.delta.kernel.logStore.SCHEME.impl} of
 * Hadoop; both must name the same class, or two writers would not see each other. Whoever sets the first has the second,
 * and the store's own settings ({@code spark.io.delta.storage.…}), which Spark's Delta passes on, reach Kernel's too.
 */
final class LogStores {
  private static final String KERNEL_KEY = "io.delta.kernel.logStore.%s.impl";
  private static final String OPTIONS = "spark.io.delta.storage.";
  /** Classes of Delta's older interface that have a twin of the same name in the one that both know. */
  private static final String OLD_PACKAGE = "org.apache.spark.sql.delta.storage.";
  private static final String PACKAGE = "io.delta.storage.";

  private LogStores() {}

  /** The session's Hadoop configuration, with Kernel's log store of the path's scheme as Spark's Delta has it. */
  static Configuration conf(SparkSession spark, String path) {
    return conf(spark.sparkContext().getConf(), spark.sparkContext().hadoopConfiguration(), path);
  }

  static Configuration conf(SparkConf spark, Configuration hadoop, String path) {
    String scheme = new Path(path).toUri().getScheme();
    if (scheme == null) {
      scheme = FileSystem.getDefaultUri(hadoop).getScheme();
    }
    String key = String.format(Locale.ROOT, KERNEL_KEY, scheme);
    String store = ofSpark(spark, scheme);
    if (store == null && "file".equals(scheme)) {
      // It sees what Delta's own store commits, and is seen by it.
      store = LocalLogStore.class.getName();
    }
    var options = spark.getAllWithPrefix(OPTIONS);
    boolean told = store == null || hadoop.get(key) != null;
    if (told && options.length == 0) {
      return hadoop;
    }
    Configuration both = new Configuration(hadoop);
    for (var option : options) {
      both.setIfUnset(OPTIONS + option._1(), option._2());
    }
    if (told) {
      return both;
    }
    both.set(key, store.startsWith(OLD_PACKAGE) ? PACKAGE + store.substring(OLD_PACKAGE.length()) : store);
    return both;
  }

  /** What Spark's Delta would take; null where nothing is set. */
  private static String ofSpark(SparkConf conf, String scheme) {
    String[] keys = {
      "spark.delta.logStore." + scheme + ".impl", "delta.logStore." + scheme + ".impl", "spark.delta.logStore.class",
      "delta.logStore.class",
    };
    for (String key : keys) {
      if (conf.contains(key)) {
        return conf.get(key);
      }
    }
    return null;
  }
}
