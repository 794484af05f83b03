// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineStats;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file with an event for each step, in the JSON array format of Chrome's trace events, which Perfetto and
 * chrome://tracing show. The engine's thread only appends to a buffer; a thread of its own writes, and where the disk
 * does not follow, steps are left out and counted. The file is whole JSON whenever the engine rests or has filled a
 * buffer, also if the process dies. It ends at a size; whatever fails costs a line in the log and the trace, nothing
 * else.
 */
final class StepTrace implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(StepTrace.class.getName());
  private static final AtomicInteger OPENED = new AtomicInteger();

  /** Where a file ends: some 150,000 steps. */
  static final long MOST_BYTES = 64L << 20;

  private static final int CHUNK_CHARS = 1 << 16;
  private static final int MOST_CHUNKS = 64;
  private static final long CLOSE_MILLIS = 5000;
  private static final byte[] END = "\n]\n".getBytes(StandardCharsets.US_ASCII);
  private static final Chunk LAST = new Chunk(null, 0);

  /** @param steps how many are in it */
  private record Chunk(byte[] text, int steps) {}

  private final Path file;
  private final long mostBytes;
  private final long pid = ProcessHandle.current().pid();
  /** Adds up with {@link System#nanoTime} to nanoseconds since 1970, so that files of several executors match. */
  private final long epochNanos = System.currentTimeMillis() * 1_000_000 - System.nanoTime();
  private final ArrayBlockingQueue<Chunk> queue;
  private final Thread writer;
  private final StringBuilder buffer = new StringBuilder(CHUNK_CHARS + 4096);
  private int bufferedSteps;
  private long headBytes;
  private long bytes;
  private long leftOut;
  private EngineStats before = EngineStats.NONE;
  private boolean full;
  private volatile boolean broken;

  /** @param queued buffers that may wait for the disk */
  private StepTrace(Path file, long mostBytes, int queued) {
    this.file = file;
    this.mostBytes = mostBytes;
    this.queue = new ArrayBlockingQueue<>(queued);
    this.writer = new Thread(this::write, "winnow-step-trace");
    writer.setDaemon(true);
  }

  /**
   * Opens a file in the folder, which is made where it is missing.
   *
   * @return null, with a line in the log, where that cannot be done
   */
  static StepTrace open(Path folder) {
    return open(folder, MOST_BYTES);
  }

  static StepTrace open(Path folder, long mostBytes) {
    String name = "winnow-steps-" + host() + "-" + ProcessHandle.current().pid() + "-" + OPENED.incrementAndGet();
    StepTrace trace = new StepTrace(folder.resolve(name + ".json"), mostBytes, MOST_CHUNKS);
    try {
      Files.createDirectories(folder);
      trace.create();
    } catch (IOException e) {
      trace.warn(e);
      return null;
    }
    trace.writer.start();
    return trace;
  }

  /** A whole file from the start: engines that never compute a step leave it so. */
  private void create() throws IOException {
    String head = "[\n{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": " + pid
        + ", \"tid\": 1, \"args\": {\"name\": \"winnow " + host() + "\"}}";
    bytes = head.length();
    headBytes = bytes;
    Files.write(
        file, (head + new String(END, StandardCharsets.US_ASCII)).getBytes(StandardCharsets.US_ASCII),
        StandardOpenOption.CREATE_NEW);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9.-]", "_");
    } catch (UnknownHostException e) {
      return "host";
    }
  }

  Path file() {
    return file;
  }

  /**
   * A step was computed.
   *
   * @param now the engine's figures with it
   * @param endNanos when it was over, by {@link System#nanoTime}
   */
  void step(StepBatch batch, EngineStats now, long endNanos) {
    if (full || broken) {
      return;
    }
    EngineStats did = now.since(before);
    before = now;
    EngineStats.Load load = now.load();
    long start = (epochNanos + endNanos - did.busyNanos()) / 1000;
    event("X", "step", start).append(", \"dur\": ").append(did.busyNanos() / 1000).append('.');
    thousandths(did.busyNanos() % 1000);
    buffer.append(", \"args\": {\"step\": ").append(now.steps());
    field("nanos", did.busyNanos());
    field("rows", batch.rows);
    field("prefill_rows", batch.rows - batch.decodeRows);
    field("draws", batch.draws);
    field("tokens", did.generatedTokens());
    field("waiting", load.waiting());
    field("free_pages", load.pages() - load.usedPages());
    field("preemptions", did.preemptions());
    field("prefix_hit_tokens", did.prefixHitTokens());
    field("guesses", did.guesses().made());
    field("guesses_kept", did.guesses().kept());
    buffer.append(", \"op_nanos\": {");
    String comma = "";
    for (Map.Entry<String, Long> op : did.opNanos().entrySet()) {
      buffer.append(comma).append('"').append(op.getKey()).append("\": ").append(op.getValue());
      comma = ", ";
    }
    buffer.append("}}}");
    event("C", "sequences", start).append(", \"args\": {\"running\": ").append(load.running());
    field("waiting", load.waiting());
    buffer.append("}}");
    bufferedSteps++;
    if (bytes + buffer.length() > mostBytes) {
      end(endNanos);
    } else if (buffer.length() >= CHUNK_CHARS) {
      flush();
    }
  }

  private void end(long nanos) {
    full = true;
    event("i", "the trace ends here: it has its largest size", (epochNanos + nanos) / 1000).append(", \"s\": \"g\"}");
    flush();
    LOG.log(
        System.Logger.Level.WARNING, "The step trace {0} has {1} MiB and ends; the engine goes on.", file,
        mostBytes >> 20);
  }

  private StringBuilder event(String phase, String name, long micros) {
    return buffer.append(",\n{\"name\": \"").append(name).append("\", \"ph\": \"").append(phase).append("\", \"ts\": ")
        .append(micros).append(", \"pid\": ").append(pid).append(", \"tid\": 1");
  }

  private void field(String name, long value) {
    buffer.append(", \"").append(name).append("\": ").append(value);
  }

  private void thousandths(long n) {
    buffer.append(n / 100).append(n / 10 % 10).append(n % 10);
  }

  /** Hands over what is buffered. Never waits. */
  void flush() {
    if (buffer.length() == 0 || broken) {
      return;
    }
    Chunk chunk = new Chunk(buffer.toString().getBytes(StandardCharsets.US_ASCII), bufferedSteps);
    if (queue.offer(chunk)) {
      bytes += chunk.text().length;
    } else {
      leftOut += chunk.steps();
    }
    buffer.setLength(0);
    bufferedSteps = 0;
  }

  private void write() {
    try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
      long at = headBytes;
      for (Chunk chunk = queue.take(); chunk != LAST; chunk = queue.take()) {
        writeAll(out, at, chunk.text());
        at += chunk.text().length;
        writeAll(out, at, END);
      }
    } catch (IOException e) {
      broken = true;
      warn(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void writeAll(FileChannel out, long at, byte[] text) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(text);
    while (left.hasRemaining()) {
      out.write(left, at + left.position());
    }
  }

  private void warn(IOException e) {
    LOG.log(
        System.Logger.Level.WARNING, "Cannot write the step trace {0}: {1}. The engine goes on without.", file, e);
  }

  /** Writes out what is buffered, if the disk takes it within some seconds. */
  @Override
  public void close() {
    if (leftOut > 0) {
      event("i", leftOut + " steps are left out: the disk did not follow", (epochNanos + System.nanoTime()) / 1000)
          .append(", \"s\": \"g\"}");
    }
    flush();
    try {
      long end = System.nanoTime() + CLOSE_MILLIS * 1_000_000;
      while (writer.isAlive() && !queue.offer(LAST) && System.nanoTime() < end) {
        writer.join(1);
      }
      writer.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
