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
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * An engine for each NUMA node. Each is loaded by a thread that may run on its node alone, and so are the threads that
 * the engine starts; they are the first to touch its weights and its cache, which puts these into the node's own
 * memory. So weights are packed for each node, and not mapped from the file that a host's processes share. A session
 * stays with one engine, the one that then has the most threads for each.
 */
public final class NodeEngines implements ModelRuntime {
  private static final System.Logger LOG = System.getLogger(NodeEngines.class.getName());

  /** Threads of an engine, and the sessions that are with it. */
  private record Node(ModelRuntime engine, int threads, AtomicInteger sessions) {}

  private final List<Node> nodes = new ArrayList<>();

  private NodeEngines() {}

  /**
   * Loads an engine for each node: of {@code spec}'s threads and cache, and of the memory, each gets its share;
   * sequences are counted for each. Where there are fewer threads than nodes, the largest nodes have an engine of one
   * thread each. Where there is one node or thread, or nothing is known of nodes, it is one engine as ever.
   *
   * @throws io.winnow.inference.InferenceException as {@link EmbeddedRuntime#load}
   */
  public static ModelRuntime load(EngineSpec spec, ModelText text, HostMemory host, EngineHosting hosting) {
    List<List<Integer>> processors = processors();
    int all = processors.stream().mapToInt(List::size).sum();
    int threads = spec.threads() > 0 ? spec.threads() : all;
    int count = Math.min(threads, processors.size());
    if (count < 2) {
      LOG.log(System.Logger.Level.INFO, "There is one NUMA node or one thread, so there is one engine.");
      return EmbeddedRuntime.load(spec, text, host, new EngineHosting(hosting.stepTrace(), false, hosting.speculation()));
    }
    NodeEngines engines = new NodeEngines();
    int[] shares = shares(threads, processors.stream().mapToInt(List::size).toArray());
    try {
      for (int i = 0; i < shares.length; i++) {
        if (shares[i] == 0) {
          continue;
        }
        EngineSpec share =
            spec.withThreads(shares[i])
                .withRoom(spec.maxSequences(), (int) ((spec.kvCacheTokens() - 1L + count) / count));
        ModelRuntime engine =
            pinned(processors.get(i), () -> EmbeddedRuntime.load(share, text, host.share(count), hosting));
        engines.nodes.add(new Node(engine, shares[i], new AtomicInteger()));
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
      List<List<Integer>> nodes = NumaNodes.here();
      if (nodes.size() > 1) {
        tryToPin(nodes);
      }
      return nodes;
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "NUMA nodes cannot be used: {0}", e.toString());
      return List.of();
    }
  }

  /**
   * Threads of each node, in all as many as there are: by the processors that nodes have, at least one each where
   * there are enough, and those that are over, or too few, to the nodes that have the most processors for a thread.
   */
  static int[] shares(int threads, int[] processors) {
    int[] out = new int[processors.length];
    for (int given = 0; given < threads; given++) {
      int next = 0;
      for (int i = 1; i < out.length; i++) {
        boolean first = out[i] == 0 && out[next] > 0;
        boolean more = (long) processors[i] * (out[next] + 1) > (long) processors[next] * (out[i] + 1);
        if (first || more && (out[i] == 0) == (out[next] == 0)) {
          next = i;
        }
      }
      out[next]++;
    }
    return out;
  }

  /** On a thread that ends with it. */
  private static void tryToPin(List<List<Integer>> nodes) throws IOException {
    IOException[] failed = new IOException[1];
    onThread(() -> {
      try {
        for (List<Integer> node : nodes) {
          CpuAffinity.pin(node);
        }
      } catch (IOException e) {
        failed[0] = e;
      }
    });
    if (failed[0] != null) {
      throw new IOException("threads cannot be bound to them: " + failed[0].getMessage(), failed[0]);
    }
  }

  private static <T> T pinned(List<Integer> processors, Supplier<T> work) {
    Object[] result = new Object[2];
    onThread(() -> {
      try {
        CpuAffinity.pin(processors);
        result[0] = work.get();
      } catch (IOException e) {
        result[1] = new UncheckedIOException("Cannot bind a thread to the processors " + processors, e);
      } catch (RuntimeException | Error e) {
        result[1] = e;
      }
    });
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

  private static void onThread(Runnable work) {
    Thread thread = new Thread(work, "winnow-node-load");
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
    Node idlest = nodes.get(0);
    for (Node node : nodes) {
      long here = (node.sessions().get() + 1L) * idlest.threads();
      idlest = here < (idlest.sessions().get() + 1L) * node.threads() ? node : idlest;
    }
    Session session = idlest.engine().open();
    idlest.sessions().incrementAndGet();
    return new NodeSession(session, idlest.sessions());
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
