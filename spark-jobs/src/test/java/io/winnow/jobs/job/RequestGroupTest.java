// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.StopWhen;
import io.winnow.jobs.sampling.AdaptiveSampling;
import io.winnow.jobs.sampling.SampleControllers;
import io.winnow.jobs.sampling.SampleOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import scala.jdk.javaapi.CollectionConverters;

/** What a group of equal prompts asks for, block by block. */
class RequestGroupTest {
  private static final KnownSamples RULE =
      new KnownSamples(
          new AdaptiveSampling(SampleControllers.of(StopWhen.parse("correct:1")), List.of(2, 4, 8)));
  private static final StructType SCHEMA =
      StructType.fromDDL(
          "prompt_id string, tokens array<int>, trace_ids array<string>, missing array<string>, redo array<string>,"
              + " known array<struct<trace_id string, correct boolean, answer string, failed boolean>>, failure string,"
              + " conversation string");
  private static final BiPredicate<String, String> NOTHING_OFFERED = (prompt, trace) -> false;

  /** A planned row whose trace ids are its samples' numbers; known are those of the letters: c correct, w wrong. */
  private static Row planned(String id, String known) {
    List<String> ids = List.of("0", "1", "2", "3", "4", "5", "6", "7");
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < known.length(); i++) {
      if (known.charAt(i) != '-') {
        rows.add(RowFactory.create(ids.get(i), known.charAt(i) == 'c', null, false));
      }
    }
    return new GenericRowWithSchema(
        new Object[] {id, seq(List.of(1, 2)), seq(ids), seq(List.of()), null, seq(rows), null, null}, SCHEMA);
  }

  private static Object seq(List<?> list) {
    return CollectionConverters.asScala(list).toSeq();
  }

  private static void made(RequestGroup group, int sample, boolean correct) {
    for (RequestGroup.Member member : group.members()) {
      if (member.lacks(sample)) {
        member.made(sample, new SampleOutcome(correct, null, false));
      }
    }
    group.finished();
  }

  @Test
  void rowsThatAreAheadWaitForThoseBehindThem() {
    RequestGroup group = new RequestGroup(planned("a", "w"), NOTHING_OFFERED, RULE);
    assertTrue(group.addIfEqual(planned("b", "www"), NOTHING_OFFERED));
    assertTrue(group.advance());
    assertEquals(Set.of(1), group.samples());
    made(group, 1, false);
    assertTrue(group.advance());
    // The second row has its third sample, the first one takes it from the engine.
    assertEquals(new TreeSet<>(List.of(2, 3)), group.samples());
    assertTrue(group.members().get(0).lacks(2));
    assertFalse(group.members().get(1).lacks(2));
    made(group, 2, true);
    made(group, 3, false);
    // The first row has enough now; the second goes on alone.
    assertTrue(group.advance());
    assertEquals(new TreeSet<>(List.of(4, 5, 6, 7)), group.samples());
    assertFalse(group.members().get(0).lacks(4));
    assertEquals(4, group.spared());
  }

  /** The verdict of a row that an earlier attempt of the task has offered is not known before it is in the table. */
  @Test
  void whatHangsOnARowThatWasOfferedIsLeftToTheTable() {
    RequestGroup group = new RequestGroup(planned("a", ""), (prompt, trace) -> trace.equals("1"), RULE);
    assertTrue(group.advance());
    assertEquals(Set.of(0), group.samples());
    made(group, 0, true);
    assertFalse(group.advance());
    assertEquals(0, group.spared());
  }

  @Test
  void aSampleThatCameToNothingIsNotAskedForAgain() {
    RequestGroup group = new RequestGroup(planned("a", ""), NOTHING_OFFERED, RULE);
    assertTrue(group.advance());
    made(group, 0, true);
    group.finished(); // the second was cancelled: nothing is known of it
    assertFalse(group.advance());
  }
}
