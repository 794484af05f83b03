// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a task attempt has in the engine, noted in the pending folder before it goes there, so that a prompt that ends
 * the engine's process can be found. Notes that are left behind are those of attempts that died: what was in them is
 * under suspicion, and is then computed one at a time in each process ({@link #tryAlone}), beside everything else. A
 * prompt that was alone under suspicion in two processes that died is guilty: once may be a machine that was taken
 * away. A task that ends in any other way takes its note away. For one thread.
 */
public final class InFlight implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(InFlight.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Deaths alone under suspicion that make a prompt guilty. */
  private static final int GUILTY = 2;
  /** Name of the note that a run leaves to the next. */
  private static final String EARLIER = "earlier";
  /** One suspect a process: Spark's tasks of a process have nothing else in common. */
  private static final Semaphore ALONE = new Semaphore(1);

  private final PendingFolder pending;
  private final String prefix;
  /** Prompts under suspicion and how many processes died with them alone. */
  private final Map<String, Integer> suspects = new TreeMap<>();
  private boolean holdsAlone;
  private String note;
  private long notes;

  private InFlight(PendingFolder pending, String prefix) {
    this.pending = pending;
    this.prefix = prefix;
  }

  /**
   * Looks for what dead attempts of the partition, and dead runs of the same work, have left.
   *
   * @param attemptId unique among all attempts of the run
   * @param attempt 0 for the first attempt, which has no others to look for
   */
  public static InFlight open(LedgerSpec spec, int partition, long attemptId, int attempt) throws IOException {
    PendingFolder pending = new PendingFolder(spec.tablePath(), spec.runId(), spec.conf());
    String mine = "p" + partition + "-";
    InFlight out = new InFlight(pending, mine + attemptId + "-");
    for (String name : pending.notes()) {
      if (name.startsWith(EARLIER) || attempt > 0 && name.startsWith(mine) && !name.startsWith(out.prefix)) {
        out.learn(pending.readNote(name));
      }
    }
    return out;
  }

  /** What all notes of a run say: prompts under suspicion, with the processes that died with them alone. */
  static Map<String, Integer> collect(PendingFolder pending) throws IOException {
    InFlight all = new InFlight(pending, EARLIER);
    for (String name : pending.notes()) {
      all.learn(pending.readNote(name));
    }
    return all.suspects;
  }

  /** Leaves to all tasks of a run what {@link #collect} gave of another. */
  static void leave(PendingFolder pending, Map<String, Integer> suspects) throws IOException {
    if (!suspects.isEmpty()) {
      ObjectNode root = JSON.createObjectNode();
      ObjectNode deaths = root.putObject("deathsAlone");
      suspects.forEach(deaths::put);
      pending.writeNote(EARLIER + Manifest.SUFFIX, bytes(root));
    }
  }

  private void learn(byte[] bytes) {
    try {
      JsonNode root = JSON.readTree(bytes);
      root.path("inFlight").forEach(id -> suspects.merge(id.asText(), 0, Integer::sum));
      root.path("alone").forEach(id -> suspects.merge(id.asText(), 1, Integer::sum));
      root.path("deathsAlone").fields()
          .forEachRemaining(e -> suspects.merge(e.getKey(), e.getValue().asInt(), Integer::sum));
    } catch (IOException e) {
      LOG.warn("Leaving out a note on prompts in flight: {}", e.toString());
    }
  }

  /** Processes that died with this prompt alone under suspicion in their engine; -1 for no suspect. */
  public int deathsAlone(String promptId) {
    return suspects.getOrDefault(promptId, -1);
  }

  /** Whether this prompt must not go to an engine any more. */
  public boolean isGuilty(String promptId) {
    return deathsAlone(promptId) >= GUILTY;
  }

  /**
   * Notes what is in the engine or about to be.
   *
   * @param inFlight ids of prompts, those under suspicion left out
   * @param alone ids of the one request under suspicion; empty for none
   */
  public void note(Collection<String> inFlight, Collection<String> alone) throws IOException {
    ObjectNode root = JSON.createObjectNode();
    inFlight.forEach(root.putArray("inFlight")::add);
    alone.forEach(root.putArray("alone")::add);
    // The new one first: there is no moment without a note.
    String before = note;
    note = prefix + ++notes + Manifest.SUFFIX;
    pending.writeNote(note, bytes(root));
    if (before != null) {
      pending.dropNote(before);
    }
  }

  private static byte[] bytes(ObjectNode root) {
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Waits at most so long for the place of the one suspect of this process; true if this task has it now. */
  public boolean tryAlone(long millis) {
    try {
      holdsAlone = holdsAlone || ALONE.tryAcquire(millis, TimeUnit.MILLISECONDS);
      return holdsAlone;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** The suspect has been computed, and is none any more. */
  public void cleared(Collection<String> promptIds) {
    suspects.keySet().removeAll(promptIds);
    release();
  }

  private void release() {
    if (holdsAlone) {
      holdsAlone = false;
      ALONE.release();
    }
  }

  @Override
  public void close() throws IOException {
    release();
    if (note != null) {
      pending.dropNote(note);
    }
  }
}
