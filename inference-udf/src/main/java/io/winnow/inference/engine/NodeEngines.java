// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.HostMemory;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.kernels.CpuAffinity;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * An engine for each NUMA node. Each is loaded by a thread that may run on its node alone, and so are the threads that
 * the engine starts; they are the first to touch its weights and its cache, which puts these into the node's own
 * memory. So weights are packed for each node, and not mapped from the file that a host's processes share. A session
 * stays with one engine, the one that has the fewest.
 */
public final class NodeEngines implements ModelRuntime {
  private static final System.Logger LOG = System.getLogger(NodeEngines.class.getName());

  private record Node(ModelRuntime engine, AtomicInteger sessions) {}

  private final List<Node> nodes = new ArrayList<>();

  private NodeEngines() {}

  /**
   * Loads an engine for each node: of {@code spec}'s threads and cache, and of the memory, each gets its share;
   * sequences are counted for each. Where there is one node, or nothing is known of nodes, it is one engine as ever.
   *
   * @throws io.winnow.inference.InferenceException as {@link EmbeddedRuntime#load}
   */
  public static ModelRuntime load(EngineSpec spec, ModelText text, HostMemory host, EngineHosting hosting) {
    List<List<Integer>> processors = processors();
    if (processors.size() < 2) {
      LOG.log(System.Logger.Level.INFO, "There is one NUMA node, so there is one engine.");
      return EmbeddedRuntime.load(spec, text, host, new EngineHosting(hosting.stepTrace(), false, hosting.speculation()));
    }
    NodeEngines engines = new NodeEngines();
    int all = processors.stream().mapToInt(List::size).sum();
    int threads = spec.threads() > 0 ? spec.threads() : all;
    int count = processors.size();
    try {
      for (List<Integer> node : processors) {
        EngineSpec share =
            spec.withThreads(Math.max(1, Math.round((float) threads * node.size() / all)))
                .withRoom(spec.maxSequences(), (int) ((spec.kvCacheTokens() - 1L + count) / count));
        ModelRuntime engine = pinned(node, () -> EmbeddedRuntime.load(share, text, host.share(count), hosting));
        engines.nodes.add(new Node(engine, new AtomicInteger()));
      }
    } catch (RuntimeException | Error e) {
      engines.close();
      throw e;
    }
    LOG.log(System.Logger.Level.INFO, "{0} NUMA nodes, an engine each, on processors {1}", count, processors);
    return engines;
  }

  private static List<List<Integer>> processors() {
    if (!CpuAffinity.supported()) {
      LOG.log(System.Logger.Level.WARNING, "Threads cannot be pinned without the native library.");
      return List.of();
    }
    try {
      return NumaNodes.here();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "NUMA nodes are not known: {0}", e.toString());
      return List.of();
    }
  }

  private static <T> T pinned(List<Integer> processors, Supplier<T> work) {
    Object[] result = new Object[2];
    Thread thread =
        new Thread(
            () -> {
              try {
                CpuAffinity.pin(processors);
              } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "An engine runs on all processors: {0}", e.getMessage());
              }
              try {
                result[0] = work.get();
              } catch (RuntimeException | Error e) {
                result[1] = e;
              }
            },
            "winnow-node-load");
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        // What is half loaded cannot be left behind.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (result[1] instanceof RuntimeException e) {
      throw e;
    }
    if (result[1] instanceof Error e) {
      throw e;
    }
    @SuppressWarnings("unchecked") // what the supplier gave
    T value = (T) result[0];
    return value;
  }

  @Override
  public ModelInfo info() {
    return nodes.get(0).engine().info();
  }

  @Override
  public EngineStats stats() {
    return nodes.stream().map(node -> node.engine().stats()).reduce(EngineStats::plus).orElseThrow();
  }

  /** Whether any has stopped: those who wait for it must find another. */
  @Override
  public boolean ended() {
    return nodes.stream().anyMatch(node -> node.engine().ended());
  }

  @Override
  public synchronized Session open() {
    Node fewest = nodes.get(0);
    for (Node node : nodes) {
      fewest = node.sessions().get() < fewest.sessions().get() ? node : fewest;
    }
    Session session = fewest.engine().open();
    fewest.sessions().incrementAndGet();
    return new NodeSession(session, fewest.sessions());
  }

  @Override
  public void close() {
    nodes.forEach(node -> node.engine().close());
  }

  /** A session of one of the engines. */
  private static final class NodeSession implements Session {
    private final Session session;
    private final AtomicInteger sessions;
    private boolean closed;

    NodeSession(Session session, AtomicInteger sessions) {
      this.session = session;
      this.sessions = sessions;
    }

    @Override
    public boolean hasRoom() {
      return session.hasRoom();
    }

    @Override
    public void submit(GenerationRequest request) {
      session.submit(request);
    }

    @Override
    public int pending() {
      return session.pending();
    }

    @Override
    public long generatedTokens() {
      return session.generatedTokens();
    }

    @Override
    public List<Completion> poll(long waitMillis) throws InterruptedException {
      return session.poll(waitMillis);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        sessions.decrementAndGet();
        session.close();
      }
    }
  }
}
