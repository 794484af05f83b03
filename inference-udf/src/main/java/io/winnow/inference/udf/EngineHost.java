// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.HostMemory;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.ScoredTextEncoder;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.conf.PriceTable;
import io.winnow.inference.engine.EmbeddedRuntime;
import io.winnow.inference.engine.MemoryBudget;
import io.winnow.inference.engine.NodeEngines;
import io.winnow.inference.engine.TokenScorer;
import io.winnow.inference.grammar.AnswerGrammars;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.inference.tokenizer.ScoredTexts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;

/**
 * The runtimes of this JVM, one for each {@link RuntimeSpec}, shared by all tasks. A process-wide registry, because
 * Spark gives the tasks of an executor nothing else in common. Bound: an engine that nobody holds is closed as soon as
 * another spec is asked for, or by {@link #closeIdle}; until then it stays, so that the next task starts at once.
 */
public final class EngineHost {
  /** Changed with the lock of this class held, and read by whoever looks how engines do, also while one loads. */
  private static final Map<EngineKey, Entry> ENGINES = new ConcurrentHashMap<>();
  private static final Map<TextKey, ModelText> TEXTS = new HashMap<>();

  /** A model is known by its files as they are now: one written anew at the same place is another. */
  private record EngineKey(RuntimeSpec spec, EngineHosting hosting, String files) {}

  /** Engines opened in this JVM. */
  private static int opened;

  /** How often whoever waits for an engine looks whether it is still wanted. */
  private static final long LOOK_MILLIS = 200;

  private record TextKey(String model, String files, String chatTemplate, Map<String, String> templateArgs) {}

  private EngineHost() {}

  private static final class Entry {
    final String name;
    /** Null while it loads. */
    volatile ModelRuntime runtime;
    /** Who loads it counts as well. */
    int leases = 1;
    boolean retired;
    private EngineStats told = EngineStats.NONE;

    Entry(String name) {
      this.name = name;
    }

    boolean ended() {
      return runtime != null && runtime.ended();
    }

    EngineStats stats() {
      return runtime == null ? EngineStats.NONE : runtime.stats();
    }

    synchronized EngineStats news() {
      EngineStats now = runtime.stats();
      EngineStats news = now.since(told);
      told = now;
      return news;
    }
  }

  /** A hold on an engine; the engine lives at least until it is closed. */
  public static final class Lease implements AutoCloseable {
    private final Entry entry;
    private boolean closed;

    private Lease(Entry entry) {
      this.entry = entry;
    }

    public ModelRuntime runtime() {
      return entry.runtime;
    }

    /** The executor that the engine is in, a slash and the engine's number there. */
    public String name() {
      return entry.name;
    }

    /**
     * What the engine has done that nobody was told yet, since the oldest hold on it was taken. So the tasks of an
     * executor tell each of its steps once, whichever asks.
     */
    public EngineStats news() {
      return entry.news();
    }

    @Override
    public void close() {
      synchronized (EngineHost.class) {
        if (!closed) {
          closed = true;
          entry.leases--;
          if (entry.retired && entry.leases == 0) {
            entry.runtime.close();
          }
        }
      }
    }
  }

  /**
   * The spec with the files of its model as they are now, if the model lies on another file system: what the driver
   * gives to executors, so that all compute with the same. Reads no weights.
   *
   * @throws io.winnow.inference.conf.UsageException when the model is not there
   */
  public static EngineSpec seen(EngineSpec spec) {
    return ModelPlace.seen(spec);
  }

  /** As above; an endpoint is what it says. */
  public static RuntimeSpec seen(RuntimeSpec spec) {
    return spec instanceof EngineSpec engine ? ModelPlace.seen(engine) : spec;
  }

  /** For the log and the task: this host's model is another one than the driver's. */
  public static InferenceException differs(RuntimeSpec spec, String part) {
    return spec instanceof EngineSpec engine
        ? ModelPlace.differs(engine, part)
        : InferenceErrors.modelDiffers(spec.model(), part);
  }

  /**
   * Loads the engine or joins the one that is there. Tasks that come while it loads wait for it, until they are killed.
   *
   * @throws io.winnow.inference.InferenceException when the model cannot be fetched or opened
   */
  public static Lease acquire(RuntimeSpec asked) {
    return acquire(asked, EngineHosting.PLAIN);
  }

  /** As above; another way of hosting is another engine. */
  public static Lease acquire(RuntimeSpec asked, EngineHosting hosting) {
    if (asked instanceof EndpointSpec endpoint) {
      return acquireLocal(EndpointHost.located(endpoint, hosting.sidecar()), EngineHosting.PLAIN, "");
    }
    // Before the lock is taken: a fetch takes minutes, and tasks that are killed must not wait for it.
    EngineSpec spec = withThreads(ModelPlace.local((EngineSpec) asked));
    return acquireLocal(spec, hosting, files(spec.model()));
  }

  private static Lease acquireLocal(RuntimeSpec spec, EngineHosting hosting, String files) {
    EngineKey key = new EngineKey(spec, hosting, files);
    Entry entry;
    synchronized (EngineHost.class) {
      entry = ENGINES.get(key);
      while (entry != null && entry.runtime == null) {
        await(spec);
        entry = ENGINES.get(key);
      }
      if (entry != null && !entry.ended()) {
        if (entry.leases == 0) {
          entry.news(); // what it did for others before
        }
        entry.leases++;
        return new Lease(entry);
      }
      checkNotKilled(spec);
      retire(ENGINES.remove(key));
      closeIdle();
      entry = new Entry(executor() + "/" + ++opened);
      ENGINES.put(key, entry);
    }
    // Without the lock: a model takes minutes, and other engines are asked for and given back meanwhile.
    try {
      entry.runtime = load(spec, hosting);
      return new Lease(entry);
    } finally {
      synchronized (EngineHost.class) {
        if (entry.runtime == null) {
          ENGINES.remove(key, entry);
        }
        EngineHost.class.notifyAll();
      }
    }
  }

  /** Until some engine has been loaded, or could not be, or for a while. */
  private static void await(RuntimeSpec spec) {
    checkNotKilled(spec);
    try {
      EngineHost.class.wait(LOOK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the task was interrupted while it waited for " + spec.model() + " to load", e);
    }
  }

  /** Spark interrupts threads only where it was told to; else it marks the task. */
  private static void checkNotKilled(RuntimeSpec spec) {
    TaskContext task = TaskContext.get();
    if (task != null && task.isInterrupted()) {
      throw new IllegalStateException("the task was killed while it waited for " + spec.model() + " to load");
    }
  }

  private static ModelRuntime load(RuntimeSpec asked, EngineHosting hosting) {
    if (asked instanceof EndpointSpec endpoint) {
      return EndpointHost.open(endpoint);
    }
    EngineSpec spec = (EngineSpec) asked;
    return hosting.enginePerNode()
        ? NodeEngines.load(spec, text(spec), memory(), hosting)
        : EmbeddedRuntime.load(spec, text(spec), memory(), hosting);
  }

  /** Of several engines one may have ended and the others hold memory: they go with the last hold on them. */
  private static void retire(Entry entry) {
    if (entry != null) {
      entry.retired = true;
      if (entry.leases == 0) {
        entry.runtime.close();
      }
    }
  }

  /** As many threads as Spark gives this JVM cores, where the spec names none. */
  private static EngineSpec withThreads(EngineSpec spec) {
    SparkEnv env = SparkEnv.get();
    return spec.threads() > 0 || env == null
        ? spec
        : spec.withThreads(EngineThreads.of(env.conf(), Runtime.getRuntime().availableProcessors()));
  }

  private static String executor() {
    SparkEnv env = SparkEnv.get();
    return env == null ? "none" : env.executorId();
  }

  /** Whether tasks of this driver run in its own JVM. */
  private static boolean computesHere() {
    SparkEnv env = SparkEnv.get();
    return env != null && env.conf().get("spark.master", "").matches("local(\\[.*])?");
  }

  /** The memory of this JVM, with what Spark asked the cluster to grant an executor outside its heap. */
  public static HostMemory memory() {
    SparkEnv env = SparkEnv.get();
    boolean executor = env != null && !env.executorId().equals("driver");
    return MemoryBudget.host(executor ? memoryOverhead(env.conf()) : 0);
  }

  /**
   * Bytes outside the heap that YARN and Kubernetes enforce for an executor, 0 elsewhere: a standalone worker enforces
   * nothing. Where nobody states them they are Spark's own default.
   */
  static long memoryOverhead(SparkConf conf) {
    String master = conf.get("spark.master", "");
    boolean kubernetes = master.startsWith("k8s");
    if (!kubernetes && !master.startsWith("yarn")) {
      return 0;
    }
    long mib = conf.getSizeAsMb("spark.executor.memoryOverhead", "0");
    if (mib == 0) {
      String factor = conf.get("spark.executor.memoryOverheadFactor", "");
      if (factor.isEmpty()) {
        factor = kubernetes ? conf.get("spark.kubernetes.memoryOverheadFactor", "0.1") : "0.1";
      }
      long share = (long) (conf.getSizeAsMb("spark.executor.memory", "1g") * Double.parseDouble(factor));
      mib = Math.max(share, conf.getSizeAsMb("spark.executor.minMemoryOverhead", "384m"));
    }
    return mib << 20;
  }

  /** What the engine of a spec would take in this JVM; reads headers only, but of a model elsewhere fetches all. */
  public static EngineMemory memory(EngineSpec spec) {
    return MemoryBudget.of(ModelPlace.local(spec), memory());
  }

  /**
   * Sequences that the engine of a spec decodes together: what it says, else what the memory of this JVM allows if
   * tasks run here. What executors will choose by their own memory is not known; then it is the most they may.
   */
  public static int sequences(RuntimeSpec asked) {
    if (asked instanceof EndpointSpec endpoint) {
      return endpoint.limits().mostConcurrency();
    }
    EngineSpec spec = (EngineSpec) asked;
    if (spec.maxSequences() > 0) {
      return spec.maxSequences();
    }
    return computesHere() ? memory(spec).sequences() : EngineSpec.MOST_SEQUENCES;
  }

  /**
   * What prices take a model to be computed with. The embedded engine: its sequences, its threads as cores, and the
   * devices that Spark gives its executor, where executors are like this host or their cores are stated. A server that
   * runs beside the executor: all of the executor's. Other servers: nothing of ours.
   */
  public static PriceTable.Machine machine(RuntimeSpec spec) {
    SparkEnv env = SparkEnv.get();
    int gpus = env == null ? 0 : env.conf().getInt("spark.executor.resource.gpu.amount", 0);
    if (spec instanceof EngineSpec engine) {
      return new PriceTable.Machine(sequences(engine), withThreads(engine).threads(), gpus, true);
    }
    EndpointSpec endpoint = (EndpointSpec) spec;
    int cores = env == null ? 0 : env.conf().getInt("spark.executor.cores", 0);
    return new PriceTable.Machine(endpoint.limits().mostConcurrency(), cores, gpus, endpoint.sidecar());
  }

  /**
   * Sizes engines so that all of them fit into this JVM side by side: each has an equal share of its memory and of its
   * threads, and says so by numbers of its own.
   *
   * @return the specs in the order given; none where they do not fit, or are more than there are threads
   */
  public static List<EngineSpec> sideBySide(List<EngineSpec> specs) {
    HostMemory share = memory().share(specs.size());
    List<EngineSpec> out = new ArrayList<>();
    for (EngineSpec spec : specs) {
      int threads = withThreads(spec).threads() / specs.size();
      EngineMemory memory = MemoryBudget.of(ModelPlace.local(spec), share);
      if (threads < 1 || !memory.fits()) {
        return List.of();
      }
      out.add(spec.withThreads(threads).withRoom(memory.sequences(), memory.kvCacheTokens()));
    }
    return out;
  }

  /** What the engines that are here now have done since they were opened, and how full they are. */
  static EngineStats stats() {
    return ENGINES.values().stream().map(Entry::stats).reduce(EngineStats.NONE, EngineStats::plus);
  }

  /** Closes every engine that no task holds. */
  public static synchronized void closeIdle() {
    ENGINES.values().removeIf(
        entry -> {
          if (entry.leases == 0) {
            entry.runtime.close();
          }
          return entry.leases == 0;
        });
  }

  /**
   * How likely the model finds tokens behind contexts: natural-log probabilities under the raw logits, NaN where the
   * model does not know. Closes the engines that nobody holds and loads the model anew; for a few places, not for many.
   *
   * @param contexts token ids before each token, prompt included
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   */
  public static float[] logprobs(EngineSpec spec, List<int[]> contexts, int[] tokens) {
    float[] out = new float[tokens.length];
    Arrays.fill(out, Float.NaN);
    int longest = contexts.stream().mapToInt(context -> context.length).max().orElse(0);
    if (longest == 0 || ScriptParams.isScripted(spec.model())) {
      return out;
    }
    closeIdle();
    try (TokenScorer scorer = TokenScorer.load(withThreads(ModelPlace.local(spec)), longest)) {
      for (int i = 0; i < tokens.length; i++) {
        try {
          out[i] = scorer.logprob(contexts.get(i), tokens[i]);
        } catch (IllegalArgumentException e) {
          // A token that the model cannot have drawn has no probability that anybody knows.
        }
      }
    }
    return out;
  }

  /**
   * What the model is; loads its tokenizer but no weights. A model that lies elsewhere is fetched whole, because its
   * fingerprint is that of its whole content.
   *
   * @throws io.winnow.inference.InferenceException when the model cannot be opened; memory_exceeded when this JVM is
   *     also the one that computes, and the engine does not fit
   */
  public static ModelInfo describe(RuntimeSpec asked) {
    if (asked instanceof EndpointSpec endpoint) {
      EndpointHost.checkKey(endpoint, computesHere());
      return EndpointHost.describe(endpoint);
    }
    EngineSpec spec = ModelPlace.local((EngineSpec) asked);
    return EmbeddedRuntime.describe(spec, text(spec), computesHere() ? memory() : null);
  }

  /**
   * Looks whether the model can give answers of a format. Of an endpoint, whether it is one at all: its server would
   * say so late or never, and each answer would be paid for.
   *
   * @param vocabSize tokens that the model has logits for
   * @throws io.winnow.inference.InferenceException answer_format_invalid, when it cannot
   */
  public static void check(RuntimeSpec asked, AnswerFormat format, int vocabSize) {
    if (!(asked instanceof EngineSpec spec)) {
      AnswerGrammars.check(format);
      return;
    }
    grammars(spec, vocabSize).of(format);
  }

  /**
   * Looks whether a model's thinking can be ended.
   *
   * @throws io.winnow.inference.InferenceException thinking_budget_invalid, when it cannot
   */
  public static void checkThinking(EngineSpec spec, int vocabSize) {
    grammars(spec, vocabSize).thinking();
  }

  private static AnswerGrammars grammars(EngineSpec spec, int vocabSize) {
    // Ends of sequence are spelled by nothing, whichever they are.
    return new AnswerGrammars(text(ModelPlace.local(spec)).tokenizer(), vocabSize, Set.of());
  }

  /** The model's chat template and tokenizer. */
  public static PromptRenderer renderer(EngineSpec spec) {
    return text(ModelPlace.local(spec)).renderer();
  }

  /** What makes tokens of texts to be scored. */
  public static ScoredTextEncoder scoredTexts(EngineSpec spec) {
    return new ScoredTexts(text(ModelPlace.local(spec)));
  }

  /** The implementations of the kernels, best first: which one is taken and why the others are not. */
  public static List<String> kernelsLadder() {
    return EmbeddedRuntime.kernelsLadder();
  }

  /** Instruction sets that the native kernels of this build have and this machine can run, the best last. */
  public static List<String> instructionSets() {
    return EmbeddedRuntime.instructionSets();
  }

  /** Why the instruction set that the environment asks for cannot be had; null if it can, or none is asked for. */
  public static String kernelsRefusal() {
    return EmbeddedRuntime.kernelsRefusal();
  }

  private static synchronized ModelText text(EngineSpec spec) {
    TextKey key = new TextKey(spec.model(), files(spec.model()), spec.chatTemplate(), spec.templateArgs());
    return TEXTS.computeIfAbsent(
        key,
        k ->
            ScriptParams.isScripted(k.model())
                ? ModelText.ofBytes(k.chatTemplate(), k.templateArgs())
                : ModelText.load(Path.of(k.model()), k.chatTemplate(), k.templateArgs()));
  }

  /** Names, sizes and times of a model's files; empty where there are none. */
  private static String files(String model) {
    if (ScriptParams.isScripted(model)) {
      return "";
    }
    Path path = Path.of(model);
    try (Stream<Path> files = Files.isDirectory(path) ? Files.list(path) : Stream.of(path)) {
      StringBuilder out = new StringBuilder();
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        out.append(file.getFileName()).append(':').append(Files.size(file)).append(':');
        out.append(Files.getLastModifiedTime(file)).append('\n');
      }
      return out.toString();
    } catch (IOException e) {
      // Loading says what is wrong with it.
      return "";
    }
  }
}
