// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.curate.BenchmarkSpec.Place;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code --against NAME=PATH:COLUMN}. */
class BenchmarkSpecTest {
  @Test
  void partsNamePathAndColumn() {
    BenchmarkSpec spec = BenchmarkSpec.parse("aime=bench/a=1/x.jsonl:problem");
    assertEquals("aime", spec.name());
    assertEquals(List.of(new Place("bench/a=1/x.jsonl", "problem")), spec.places());
  }

  @Test
  void takesEveryColonIntoAccount() {
    assertEquals(
        List.of(new Place("s3a://b/x", "c")), BenchmarkSpec.parse("n=s3a://b/x:c").places());
    assertEquals(
        List.of(
            new Place("hdfs://nn:8020/a:b.jsonl", "c"), new Place("hdfs://nn:8020/a", "b.jsonl:c"),
            new Place("hdfs://nn", "8020/a:b.jsonl:c")),
        BenchmarkSpec.parse("n=hdfs://nn:8020/a:b.jsonl:c").places());
  }

  @Test
  void refusesWhatHasNotAllParts() {
    for (String wrong : List.of("a.jsonl:problem", "=a:b", "n=a.jsonl", "n=a.jsonl:", "n=", "n=s3a://b/x")) {
      UsageException e = assertThrows(UsageException.class, () -> BenchmarkSpec.parse(wrong), wrong);
      assertTrue(
          e.getMessage().startsWith("Cannot use --against '" + wrong + "'")
              && e.getMessage().contains("Write NAME=PATH:COLUMN"),
          e.getMessage());
    }
    assertThrows(UsageException.class, () -> BenchmarkSpec.parseAll(List.of("n=a:b", "n=c:d")));
  }
}
