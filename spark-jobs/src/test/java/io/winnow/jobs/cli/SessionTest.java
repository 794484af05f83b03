// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.SettingValues;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionTest {
  private static final String DELTA = "io.delta.sql.DeltaSparkSessionExtension";

  @Test
  void aLocalSessionHasDeltaAndStaysOnThisHost() {
    Map<String, String> conf = Session.sessionConf(Map.of());
    assertEquals("local[*]", conf.get("spark.master"));
    assertEquals(DELTA, conf.get("spark.sql.extensions"));
    assertEquals("org.apache.spark.sql.delta.catalog.DeltaCatalog", conf.get("spark.sql.catalog.spark_catalog"));
    assertEquals("127.0.0.1", conf.get("spark.driver.bindAddress"));
    assertEquals("false", conf.get("spark.ui.enabled"));
    assertEquals("UTC", conf.get("spark.sql.session.timeZone"));
  }

  @Test
  void whatIsGivenWinsAndOtherExtensionsStay() {
    Map<String, String> conf =
        Session.sessionConf(
            Map.of(
                "spark.master", "spark://host:7077",
                "spark.sql.extensions", "a.B",
                "spark.sql.session.timeZone", "Europe/Berlin",
                "spark.sql.catalog.spark_catalog", "c.D"));
    assertEquals("a.B," + DELTA, conf.get("spark.sql.extensions"));
    assertEquals("Europe/Berlin", conf.get("spark.sql.session.timeZone"));
    assertEquals("c.D", conf.get("spark.sql.catalog.spark_catalog"));
    assertFalse(conf.containsKey("spark.driver.bindAddress"));
    assertFalse(conf.containsKey("spark.ui.enabled"));
    assertFalse(conf.containsKey("spark.sql.shuffle.partitions"));
  }

  @Test
  void deltaIsNotAddedTwice() {
    assertEquals(DELTA, Session.sessionConf(Map.of("spark.sql.extensions", DELTA)).get("spark.sql.extensions"));
  }

  /** Uses the session of this JVM where another test opened one. */
  @Test
  void opensASessionWithDeltaWhenFirstAskedFor(@TempDir Path folder) {
    SparkSession before = Session.running();
    SettingValues values =
        SettingValues.resolve(SessionSettings.ALL, Map.of("master", List.of("local[1]")), key -> null);
    SparkSession opened;
    try (Session session =
        new Session(values, Map.of("spark.sql.shuffle.partitions", "1"), System.out, System.err, false,
            new StopSignal())) {
      opened = session.spark();
      String table = folder.resolve("t").toString();
      opened.range(3).write().format("delta").save(table);
      assertEquals(3, opened.read().format("delta").load(table).count());
      assertEquals(before == null ? "1" : before.conf().get("spark.sql.shuffle.partitions"),
          opened.conf().get("spark.sql.shuffle.partitions"));
    }
    assertEquals(before == null, opened.sparkContext().isStopped());
  }

  @Test
  void aStopIsRequestedOnce() {
    StopSignal stop = new StopSignal();
    assertFalse(stop.requested());
    stop.request();
    assertTrue(stop.requested());
  }
}
