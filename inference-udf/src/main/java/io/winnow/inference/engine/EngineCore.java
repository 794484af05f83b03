// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineStats;
import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.grammar.AnswerGrammars;
import io.winnow.inference.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The engine's loop: one thread that takes requests, runs steps and hands out what has finished. Everything but the
 * inbox and the counters belongs to that thread.
 */
final class EngineCore implements AutoCloseable {
  /**
   * What bounds a sequence.
   *
   * @param vocabSize ids a prompt may hold
   * @param contextLength positions of prompt and answer together
   * @param eosTokens ids that end a sequence
   * @param maxSequences sequences decoded together
   * @param maxRows tokens of a step
   */
  record Limits(int vocabSize, int contextLength, Set<Integer> eosTokens, int maxSequences, int maxRows) {}

  private static final System.Logger LOG = System.getLogger(EngineCore.class.getName());

  private final Limits limits;
  private final StepRunner runner;
  private final Admission admission;
  private final BlockPool pool;
  private final PrefixTree prefixes;
  private final Scheduler scheduler;
  private final FaultIsolation isolation;
  private final AnswerGrammars grammars;
  private final StepBatch batch;
  private final StepCounters counters;
  private final int[] token;
  private final float[] logprob;
  private final Thread thread;
  private final AtomicInteger sessions = new AtomicInteger();
  private final Object monitor = new Object();
  private final ArrayDeque<Runnable> inbox = new ArrayDeque<>();
  /** Accepted and not yet delivered, in the order of coming, so that no failure of a step can lose one. */
  private final Set<Sequence> open = new LinkedHashSet<>();
  /** Why a step of several failed, until it is known who did it. */
  private Throwable unexplained;
  private boolean closing;
  private volatile Throwable death;
  private volatile boolean ended;

  /**
   * Starts its thread.
   *
   * @param sharePrefixes whether pages are kept for contexts that begin with the same tokens
   * @param grammars formats of answers; null where nothing spells the tokens, and formats are refused
   */
  EngineCore(
      Limits limits, int pages, boolean sharePrefixes, StepRunner runner, StopDetector.Factory texts,
      AnswerGrammars grammars) {
    this.limits = limits;
    this.grammars = grammars;
    this.runner = runner;
    this.admission = new Admission(limits, pages, texts);
    this.pool = new BlockPool(pages);
    this.prefixes = new PrefixTree(pool, sharePrefixes);
    this.scheduler = new Scheduler(pool, prefixes, limits.maxSequences(), limits.maxRows(), runner::copyPage);
    this.isolation = new FaultIsolation(pool, prefixes, limits.maxRows(), runner::copyPage);
    this.batch = new StepBatch(limits.maxRows(), draws(limits.maxSequences()));
    this.counters = new StepCounters(limits.maxSequences(), pool);
    this.token = new int[draws(limits.maxSequences())];
    this.logprob = new float[draws(limits.maxSequences())];
    this.thread = new Thread(this::loop, "winnow-engine");
    thread.setDaemon(true);
    thread.start();
  }

  EngineCore(Limits limits, int pages, StepRunner runner, StopDetector.Factory texts) {
    this(limits, pages, true, runner, texts, null);
  }

  /** With the texts that a tokenizer makes of tokens. */
  EngineCore(Limits limits, int pages, boolean sharePrefixes, StepRunner runner, Tokenizer tokenizer) {
    this(
        limits, pages, sharePrefixes, runner, stop -> EmbeddedRuntime.detector(tokenizer, stop),
        new AnswerGrammars(tokenizer, limits.vocabSize(), limits.eosTokens()));
  }

  EngineSession open() {
    sessions.incrementAndGet();
    return new EngineSession(this);
  }

  /** Tokens that a step draws at most. */
  static int draws(int maxSequences) {
    return Math.max(maxSequences, PromptLookup.MOST_ROWS);
  }

  /** Lets sequences guess ahead. To be called before anything is submitted. */
  EngineCore guessing(PromptLookup lookup) {
    synchronized (monitor) {
      scheduler.guessBy(lookup);
    }
    return this;
  }

  /** Traces all steps and guesses ahead, as the hosting asks. To be called before anything is submitted. */
  EngineCore hosted(EngineHosting hosting) {
    synchronized (monitor) {
      if (hosting.stepTrace() != null) {
        counters.trace(StepTrace.open(Path.of(hosting.stepTrace())));
      }
    }
    return hosting.speculation() ? guessing(new PromptLookup(limits.maxRows())) : this;
  }

  /**
   * Samples that one session may have open: all together about twice what is decoded at a time. A session that asks
   * before it sends never has more than this and one request, however fast it reads, and completions that it has not
   * polled count as open. So n sessions, which may come one after the other, hold no more than 2 · maxSequences ·
   * (1 + 1/2 + … + 1/n) samples and a request each.
   */
  int samplesWelcome() {
    return 2 * limits.maxSequences() / Math.max(1, sessions.get()) + 1;
  }

  EngineStats stats() {
    return counters.stats();
  }

  /** Whether nothing more will come: the engine was closed, or its thread died. */
  boolean ended() {
    return ended;
  }

  /** What those who wait are told when nothing more comes. */
  InferenceException endedWith(int samples) {
    return InferenceErrors.engineClosed(samples, death);
  }

  void submit(OpenRequest request) {
    request.find(grammars);
    if (!post(() -> accept(request))) {
      throw endedWith(request.sampleIndexes().length);
    }
  }

  void leave(EngineSession session) {
    sessions.decrementAndGet();
    post(
        () -> {
          scheduler.remove(s -> s.request.session == session);
          isolation.remove(s -> s.request.session == session);
          endIsolation();
          open.removeIf(s -> s.request.session == session);
        });
  }

  /**
   * Free pages, idle ones of prefixes included, asked on the engine's thread between two steps; −1 when it is closed.
   * For tests.
   */
  int freePages() {
    int[] answer = {-1};
    Object done = new Object();
    post(() -> {
      synchronized (done) {
        answer[0] = pool.freePages();
        done.notifyAll();
      }
    });
    synchronized (done) {
      while (answer[0] < 0 && !ended) {
        try {
          done.wait(100);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return -1;
        }
      }
    }
    return answer[0];
  }

  private boolean post(Runnable command) {
    synchronized (monitor) {
      if (closing || ended) {
        return false;
      }
      inbox.add(command);
      monitor.notifyAll();
      return true;
    }
  }

  private void accept(OpenRequest request) {
    if (request.session.closed()) {
      return;
    }
    boolean[] known = new boolean[request.sampleIndexes().length];
    try {
      accept(request, known);
    } catch (RuntimeException | Error e) {
      scheduler.remove(s -> s.request == request);
      for (Sequence s : List.copyOf(open)) {
        if (s.request == request) {
          fail(s, e);
          deliver(s);
        }
      }
      for (int place = 0; place < known.length; place++) {
        if (!known[place]) {
          refuse(request, request.sampleIndexes()[place], e);
        }
      }
    }
  }

  /** @param known is set for each sample that is answered or open */
  private void accept(OpenRequest request, boolean[] known) {
    InferenceException refusal = admission.refusal(request);
    List<Sequence> unfinished = new ArrayList<>();
    for (int place = 0; place < known.length; place++) {
      try {
        if (refusal != null) {
          throw refusal;
        }
        Sequence s = admission.sequence(request, place);
        open.add(s);
        known[place] = true;
        if (s.finish == null) {
          unfinished.add(s);
        } else {
          deliver(s);
        }
      } catch (InferenceException e) {
        refuse(request, request.sampleIndexes()[place], e);
        known[place] = true;
      }
    }
    scheduler.add(request.prompt(), unfinished);
  }

  private static void refuse(OpenRequest request, int sampleIndex, Throwable cause) {
    InferenceException why =
        cause instanceof InferenceException e ? e : InferenceErrors.engineFault(cause);
    request.session.deliver(
        new Completion(
            request.id(), sampleIndex, new int[0], "", null, FinishReason.ERROR, why.errorClass(), why.getMessage(),
            0));
  }

  private void loop() {
    try {
      while (takeCommands()) {
        if (isolation.active()) {
          stepAlone();
        } else {
          stepTogether();
        }
      }
    } catch (RuntimeException | Error e) {
      // Not even an error can be told any more: those who wait hear it from their session.
      death = e;
      LOG.log(System.Logger.Level.ERROR, "The engine's thread ends", e);
    } finally {
      synchronized (monitor) {
        ended = true;
        inbox.clear();
      }
      try {
        runner.close();
      } finally {
        counters.close();
      }
    }
  }

  private void stepTogether() {
    try {
      step(scheduler);
      isolation.succeeded();
    } catch (RuntimeException | Error e) {
      List<Sequence> inStep = scheduler.evict();
      unexplained = e;
      deliverFinished();
      inStep.removeIf(s -> s.finish != null);
      if (inStep.isEmpty() && !scheduler.idle()) {
        // Nobody was in the step, and the next one would be the same.
        giveUp(InferenceErrors.engineFault(e));
      }
      isolation.begin(inStep);
    }
  }

  /** A step of one of those that were in a step that failed. */
  private void stepAlone() {
    try {
      step(isolation.scheduler());
      isolation.stepped();
    } catch (RuntimeException | Error e) {
      Sequence guilty = isolation.failed();
      unexplained = null;
      if (guilty.finish == null) {
        fail(guilty, e);
      }
      deliverFinished();
      if (isolation.hopeless()) {
        giveUp(InferenceErrors.engineBroken(FaultIsolation.MOST_IN_A_ROW, e));
      }
    }
    endIsolation();
  }

  private void endIsolation() {
    if (!isolation.active()) {
      List<Sequence> cleared = isolation.end();
      if (unexplained != null && !cleared.isEmpty()) {
        // No row tells it, so the log must.
        LOG.log(
            System.Logger.Level.WARNING,
            "A step failed, but none of the " + cleared.size() + " sequences in it fails alone; they go on",
            unexplained);
      }
      unexplained = null;
      scheduler.rejoin(cleared);
    }
  }

  /** Runs what is in the inbox; sleeps while there is nothing to do; false when the engine closes. */
  private boolean takeCommands() {
    while (true) {
      Runnable command;
      synchronized (monitor) {
        while (inbox.isEmpty() && scheduler.idle() && !isolation.active() && !closing) {
          counters.rests();
          scheduler.rests();
          try {
            monitor.wait();
          } catch (InterruptedException e) {
            closing = true;
          }
        }
        if (closing) {
          return false;
        }
        command = inbox.poll();
      }
      if (command == null) {
        return true;
      }
      try {
        command.run();
      } catch (RuntimeException | Error e) {
        giveUp(InferenceErrors.engineFault(e));
      }
    }
  }

  private void step(Scheduler scheduler) {
    long start = System.nanoTime();
    scheduler.next(batch);
    if (batch.rows == 0) {
      return;
    }
    for (Prefill p : scheduler.prefilling) {
      for (Sequence s : p.members) {
        if (s.startedNanos == 0) {
          s.startedNanos = start;
        }
      }
    }
    runner.run(batch, token, logprob);
    boolean unscorable = !takeScores();
    int tokens = 0;
    int guessesKept = 0;
    for (int i = 0; i < batch.draws; i++) {
      Sequence drawing = batch.drawing[i];
      if (!batch.counts(i)) {
        continue;
      }
      tokens++;
      guessesKept += batch.ahead[i] > 0 ? 1 : 0;
      try {
        drawing.draw(token[i], logprob[i]);
      } catch (RuntimeException | Error e) {
        // Whose fault it is, is known.
        fail(drawing, e);
      }
    }
    for (int i = 0; i < batch.ends; i++) {
      if (batch.ending[i].finish == null) {
        batch.ending[i].finish = FinishReason.LENGTH;
      }
    }
    counters.stepped(
        batch, tokens, start, open.size(), this.scheduler.preemptions(), prefixes.hitTokens(),
        guessesKept, runner.opNanos().byName());
    for (int i = 0; i < batch.draws; i++) {
      if (batch.ahead[i] == 0 && batch.drawing[i].finish != null) {
        deliver(batch.drawing[i]);
      }
    }
    for (int i = 0; i < batch.ends; i++) {
      deliver(batch.ending[i]);
    }
    scheduler.complete(batch);
    scheduler.took(System.nanoTime() - start);
    if (unscorable) {
      // Those whose prefill was not at its end.
      scheduler.remove(waiting -> waiting.finish != null).forEach(this::deliver);
    }
  }

  /** Takes in how likely prompts' tokens are; false where some cannot be told, whose sequences then have failed. */
  private boolean takeScores() {
    boolean good = true;
    for (int i = 0; i < batch.scores; i++) {
      if (Float.isNaN(batch.scored[i])) {
        InferenceException e = InferenceErrors.nonFiniteLogits(batch.scorePlaces[i]);
        batch.scoring[i].members.forEach(s -> s.fail(e.errorClass(), e.getMessage()));
        good = false;
      } else {
        batch.scoring[i].scores().take(batch.scorePlaces[i], batch.scored[i]);
      }
    }
    return good;
  }

  /** The text, empty where it cannot be made: then the sample is a failed one. */
  private static String text(Sequence s) {
    try {
      return s.text.text();
    } catch (RuntimeException | Error e) {
      fail(s, e);
      return "";
    }
  }

  private static void fail(Sequence s, Throwable cause) {
    // First without a new object, because the heap may be full.
    s.fail(InferenceErrors.ENGINE_FAULT, "The engine failed.");
    InferenceException e = InferenceErrors.engineFault(cause);
    s.fail(e.errorClass(), e.getMessage());
  }

  private void deliver(Sequence s) {
    // First the text, because it may turn the end into an error.
    String text = text(s);
    s.request.session.deliver(s.completion(text, System.nanoTime()));
    open.remove(s);
  }

  /** Hands out what has its end and is still here. */
  private void deliverFinished() {
    for (Sequence s : List.copyOf(open)) {
      if (s.finish != null) {
        deliver(s);
      }
    }
  }

  /** Ends everything that is here with the error. */
  private void giveUp(InferenceException why) {
    LOG.log(System.Logger.Level.ERROR, why.getMessage());
    scheduler.remove(any -> true);
    isolation.remove(any -> true);
    isolation.succeeded();
    for (Sequence s : List.copyOf(open)) {
      s.fail(why.errorClass(), why.getMessage());
      deliver(s);
    }
  }

  @Override
  public void close() {
    synchronized (monitor) {
      closing = true;
      monitor.notifyAll();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
