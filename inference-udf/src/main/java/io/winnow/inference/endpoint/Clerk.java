// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.Completion;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.Usage;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;

/**
 * Sends errands out and takes in what has come of them. All state is its thread's own; others hand it events. A sample
 * is in exactly one place at any time: ready, due later, in a call, or finished.
 */
final class Clerk {
  private static final long TICK_MILLIS = 100;
  /** Prompts that are refused in a row, with nothing answered before, mean that the requests are wrong. */
  private static final int MOST_REFUSED_AT_FIRST = 8;
  /** Refusals for load that count, for each try that may fail. */
  private static final int REFUSALS_PER_ATTEMPT = 4;
  private static final int LEAST_BACKLOG = 16;

  private final EndpointSpec spec;
  private final RequestBody bodies;
  private final Addresses addresses;
  private final Backoff backoff;
  private final Wire wire;
  private final LinkedBlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
  private final ArrayDeque<Errand> ready = new ArrayDeque<>();
  private final PriorityQueue<Errand> later =
      new PriorityQueue<>(
          Comparator.<Errand>comparingLong(e -> e.dueNanos).thenComparingInt(e -> e.sample));
  private final Set<Call> calls = new LinkedHashSet<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final Thread thread;

  private String dialect;
  private boolean asking;
  private int asked;
  private long askNanos = System.nanoTime();
  private long answers;
  private int refusedAtFirst;
  /** Since when nothing was answered while something failed; 0 while nothing fails. */
  private long troubleNanos;
  private String lastTrouble = "";
  private long promptTokens;
  private long cachedTokens;
  private long completionTokens;
  private long finished;
  private int peak;

  private volatile int limit;
  private volatile EngineStats stats = EngineStats.NONE;
  private volatile InferenceException death;
  private volatile boolean closing;

  Clerk(EndpointSpec spec, ApiKey key, RequestBody bodies, Duration firstWait, Duration mostWait) {
    this.spec = spec;
    this.bodies = bodies;
    RandomGenerator random = new java.util.Random();
    this.addresses = new Addresses(spec, random);
    this.backoff = new Backoff(firstWait, mostWait, random);
    this.wire = new Wire(spec, key, events::add);
    this.dialect = spec.dialect().equals("auto") ? null : spec.dialect();
    this.limit = addresses.limit();
    this.thread = new Thread(this::run, "winnow-endpoint-" + spec.name());
    thread.setDaemon(true);
    thread.start();
  }

  /** Whether more samples would soon be sent: what waits is bounded by what may be open. */
  boolean hasRoom() {
    return waiting.get() < Math.max(LEAST_BACKLOG, limit);
  }

  void submit(EndpointSession session, GenerationRequest request) {
    if (request.messages() == null) {
      throw new IllegalArgumentException("An endpoint is asked with messages, not with token ids.");
    }
    waiting.addAndGet(request.sampleIndexes().length);
    events.add(
        () -> {
          long affinity = Errand.affinity(request);
          for (int sample : request.sampleIndexes()) {
            ready.add(new Errand(session, request, sample, affinity));
          }
        });
  }

  void forget(EndpointSession session) {
    events.add(
        () -> {
          waiting.addAndGet(-remove(session));
          for (Call call : calls) {
            if (!call.wanted()) {
              call.givenUp = "nobody waits for it";
              call.cancel();
            }
          }
        });
  }

  private int remove(EndpointSession session) {
    int before = ready.size() + later.size();
    ready.removeIf(errand -> errand.session == session);
    later.removeIf(errand -> errand.session == session);
    return before - ready.size() - later.size();
  }

  InferenceException death() {
    return death;
  }

  EngineStats stats() {
    return stats;
  }

  /** Ends the thread and cancels what is open. */
  void close() {
    closing = true;
    events.add(() -> {});
    try {
      thread.join(TimeUnit.SECONDS.toMillis(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      while (!closing) {
        Runnable event = events.poll(waitMillis(), TimeUnit.MILLISECONDS);
        for (; event != null; event = events.poll()) {
          event.run();
        }
        if (death == null) {
          watch(System.nanoTime());
          send(System.nanoTime());
        }
        show();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      die(InferenceErrors.engineClosed(ready.size() + later.size() + calls.size(), e));
    } finally {
      if (death == null) {
        death = InferenceErrors.engineClosed(ready.size() + later.size() + calls.size(), null);
      }
      calls.forEach(Call::cancel);
      wire.close();
    }
  }

  private long waitMillis() {
    if (!calls.isEmpty() || dialect == null) {
      return TICK_MILLIS;
    }
    long now = System.nanoTime();
    long next = Math.min(later.isEmpty() ? Long.MAX_VALUE : later.peek().dueNanos - now, wakes(now));
    return Math.max(1, Math.min(TimeUnit.SECONDS.toMillis(1), next / 1_000_000));
  }

  private long wakes(long now) {
    long next = ready.isEmpty() ? Long.MAX_VALUE : addresses.wakes(now);
    return next == Long.MAX_VALUE ? next : next - now;
  }

  /** Gives up calls that take too long. */
  private void watch(long now) {
    addresses.follow(calls, now);
    if (troubleNanos != 0 && addresses.allDead()) {
      checkPatience(now);
    }
    for (Call call : calls) {
      BodyReader reader = call.reader;
      if (call.givenUp == null && now - call.sentNanos > spec.limits().timeout().toNanos()) {
        call.givenUp = "no whole answer within " + seconds(spec.limits().timeout()) + " (--endpoint-timeout)";
        call.cancel();
      } else if (call.givenUp == null && reader != null && now - reader.lastNanos() > spec.limits().idle().toNanos()) {
        call.givenUp = "nothing more for " + seconds(spec.limits().idle()) + " (--endpoint-idle-timeout)";
        call.cancel();
      }
    }
  }

  private static String seconds(Duration time) {
    return time.toMillis() / 1e3 + " s";
  }

  private void send(long now) {
    while (!later.isEmpty() && later.peek().dueNanos - now <= 0) {
      ready.add(later.poll());
    }
    if (dialect == null && !ready.isEmpty()) {
      askDialect(now);
      return;
    }
    while (!ready.isEmpty() && death == null) {
      Address address = addresses.pick(ready.peek().affinity, now);
      if (address == null) {
        return;
      }
      send(address, now);
    }
  }

  /** Asks one server after the other who it is, until one answers. */
  private void askDialect(long now) {
    if (asking || now - askNanos < 0) {
      return;
    }
    asking = true;
    String base = addresses.all().get(asked++ % addresses.all().size()).base;
    wire.dialect(
        base,
        found -> {
          asking = false;
          dialect = found;
          if (found == null) {
            askNanos = System.nanoTime() + (asked % addresses.all().size() == 0 ? backoff.after(asked) : 0);
            lastTrouble = "nobody answers at " + base;
            troubleNanos = troubleNanos == 0 ? now : troubleNanos;
            checkPatience(System.nanoTime());
          }
        });
  }

  private void send(Address address, long now) {
    List<Errand> together = new ArrayList<>();
    Errand first = ready.poll();
    together.add(first);
    while (together.size() < spec.wire().samples() && !ready.isEmpty() && ready.peek().request == first.request
        && ready.peek().session == first.session) {
      together.add(ready.poll());
    }
    waiting.addAndGet(-together.size());
    SamplingParams params = first.request.params();
    byte[] body;
    try {
      body = bodies.of(first.request.messages(), params, dialect, first.sample, together.size());
    } catch (InferenceException e) {
      // A template may refuse the row; a format that no server of the kind knows is wrong for all of them.
      if (InferenceErrors.ANSWER_FORMAT_INVALID.equals(e.errorClass())) {
        die(e);
      }
      together.forEach(errand -> fail(errand, e.errorClass(), e.getMessage(), now));
      return;
    }
    Call call = new Call(address, together, now, ++address.open);
    peak = Math.max(peak, calls.size() + 1);
    address.limit.sent(address.open, now);
    together.forEach(errand -> errand.attempts++);
    calls.add(call);
    wire.send(call, body, mostBytes(params, together.size()), (answer, refusal) -> ended(call, answer, refusal));
  }

  /** No token takes more than some kilobytes, with its log-probabilities and in an event of its own. */
  private long mostBytes(SamplingParams params, int samples) {
    long perToken = spec.extraBody() == null ? 4096 : 16384;
    return (1L << 20) + (long) samples * params.maxTokens() * perToken;
  }

  /** A call has come to its end; {@code refusal} is null for a good one. Both may be there for a half answer. */
  private void ended(Call call, Answer answer, Refusal refused) {
    if (!calls.remove(call)) {
      return;
    }
    long now = System.nanoTime();
    call.address.open--;
    Refusal refusal = refused;
    if (call.givenUp != null) {
      refusal = Refusal.attempt(InferenceErrors.ENDPOINT_FAILED, call.givenUp);
    }
    List<Errand> open = new ArrayList<>(call.errands);
    if (answer != null) {
      if (!answer.choices().isEmpty()) {
        troubleNanos = 0; // whoever says a part of an answer is there
      }
      open = take(call, answer, now);
      if (open.isEmpty()) {
        return;
      }
      if (refusal == null && fewer(call, open, answer)) {
        return;
      }
      refusal = refusal != null ? refusal : Refusal.unfinished(answer);
    }
    if (!call.wanted()) {
      return;
    }
    refused(call, open, refusal, now);
  }

  /**
   * Asks at once for what a good answer has left out, as servers do that know no n or a lower one. No failure: each
   * such answer has samples, so there is an end to it.
   */
  private boolean fewer(Call call, List<Errand> open, Answer answer) {
    boolean good = answer.choices().values().stream().allMatch(choice -> choice.reason() != null);
    if (!good || open.size() == call.errands.size() || !call.wanted()) {
      return false;
    }
    waiting.addAndGet(open.size());
    for (int i = open.size() - 1; i >= 0; i--) {
      ready.addFirst(open.get(i));
    }
    return true;
  }

  /** Finishes the errands that have an answer; returns the others. */
  private List<Errand> take(Call call, Answer answer, long now) {
    List<Errand> open = new ArrayList<>();
    Map<Integer, Integer> lengths = answer.lengths(call.errands.get(0).request.params().maxTokens());
    boolean billed = false;
    int length = 0;
    for (int i = 0; i < call.errands.size(); i++) {
      Errand errand = call.errands.get(i);
      Answer.Choice choice = answer.choices().get(i);
      FinishReason reason = choice == null ? null : choice.reason();
      if (reason == null) {
        open.add(errand);
        continue;
      }
      int tokens = lengths.get(i);
      length += tokens;
      Usage usage =
          new Usage(
              answer.promptTokens(), answer.cachedTokens(), tokens,
              errand.lostPromptTokens + (billed ? 0 : answer.promptTokens()),
              errand.lostCachedTokens + (billed ? 0 : answer.cachedTokens()), errand.lostCompletionTokens + tokens,
              errand.attempts);
      billed = true;
      String text = RequestBody.unwrapped(choice.text(), errand.request.params(), dialect);
      finish(
          errand,
          new Completion(
              errand.request.requestId(), errand.sample, choice.tokenIds(), text,
              errand.request.params().logprobs() ? choice.logprobs() : null, null, reason, null, null,
              (now - call.sentNanos) / 1_000_000, usage));
    }
    promptTokens += answer.promptTokens();
    cachedTokens += answer.cachedTokens();
    completionTokens += answer.completionTokens();
    int lost = answer.completionTokens() - length;
    if (!open.isEmpty()) {
      Errand payer = open.get(0);
      payer.lostPromptTokens += billed ? 0 : answer.promptTokens();
      payer.lostCachedTokens += billed ? 0 : answer.cachedTokens();
      payer.lostCompletionTokens += Math.max(0, lost);
    }
    if (billed) {
      answers++;
      troubleNanos = 0;
      call.address.lives();
      call.address.limit.answered(length, now);
    }
    return open;
  }

  private void refused(Call call, List<Errand> open, Refusal refusal, long now) {
    String where = call.address.base;
    lastTrouble = refusal.words() + " (" + where + ")";
    Refusal.Scope scope = refusal.scope();
    if (scope == Refusal.Scope.JOB || scope == Refusal.Scope.JOB_AT_FIRST && answers == 0) {
      die(InferenceErrors.endpointRefused(spec.name(), where, refusal.words(), refusal.remedy()));
      return;
    }
    if (scope == Refusal.Scope.ROW) {
      boolean mayBeAll = InferenceErrors.REQUEST_REFUSED.equals(refusal.errorClass());
      refusedAtFirst = mayBeAll && answers == 0 ? refusedAtFirst + 1 : 0;
      if (refusedAtFirst >= MOST_REFUSED_AT_FIRST) {
        die(
            InferenceErrors.endpointRefused(
                spec.name(), where,
                "the first " + refusedAtFirst + " requests were all refused, the last one with " + refusal.words(),
                "Mend what the server does not like, or take a field out of the requests by"
                    + " --extra-body '{\"FIELD\": null}'"));
        return;
      }
      open.forEach(errand -> fail(errand, refusal.errorClass(), refusal.ofRow(errand.attempts), now));
      return;
    }
    trouble(call, refusal, now);
    // Together, so that what a half answer lacks is one request again.
    Errand first = open.get(0);
    long wait =
        refusal.afterNanos() > 0 && scope != Refusal.Scope.LOAD
            ? backoff.spread(Math.min(refusal.afterNanos(), Math.max(1, spec.limits().patience().toNanos())))
            : backoff.after(Math.max(1, first.failures + first.turnedAway));
    for (Errand errand : open) {
      again(errand, refusal, now + wait, now);
    }
  }

  /** What a failure means for the address and for all that is asked. */
  private void trouble(Call call, Refusal refusal, long now) {
    boolean load = refusal.scope() == Refusal.Scope.LOAD;
    if (load) {
      call.address.limit.refused(call.sentNanos, now);
      if (refusal.afterNanos() > 0) {
        long asked = Math.min(refusal.afterNanos(), Math.max(1, spec.limits().patience().toNanos()));
        call.address.rests(now + backoff.spread(asked));
      }
    } else {
      call.address.failed(refusal.scope() == Refusal.Scope.PLACE, now, backoff);
    }
    if (troubleNanos == 0) {
      troubleNanos = now;
    }
    if (load || refusal.scope() == Refusal.Scope.PLACE) {
      checkPatience(now);
    }
  }

  private void checkPatience(long now) {
    if (calls.isEmpty() && now - troubleNanos > spec.limits().patience().toNanos()) {
      die(
          InferenceErrors.endpointUnavailable(
              spec.name(), String.join(", ", spec.urls()), seconds(spec.limits().patience()), lastTrouble));
    }
  }

  /** Puts an errand back, unless it has failed as often as it may. */
  private void again(Errand errand, Refusal refusal, long dueNanos, long now) {
    if (errand.session.closed()) {
      return;
    }
    int attempts = spec.limits().attempts();
    if (refusal.scope() == Refusal.Scope.LOAD) {
      errand.turnedAway++;
      // Only where others get through is it this one's bad luck; else the server's.
      errand.refusals += answers > errand.answersAtRefusal && errand.answersAtRefusal >= 0 ? 1 : 0;
      errand.answersAtRefusal = answers;
    } else if (refusal.scope() != Refusal.Scope.PLACE) {
      errand.failures++;
    }
    if (errand.failures >= attempts || errand.refusals >= attempts * REFUSALS_PER_ATTEMPT) {
      fail(errand, refusal.errorClass(), refusal.ofRow(errand.attempts), now);
      return;
    }
    errand.dueNanos = dueNanos;
    waiting.incrementAndGet();
    later.add(errand);
  }

  private void fail(Errand errand, String errorClass, String message, long now) {
    Usage usage =
        new Usage(
            0, 0, 0, errand.lostPromptTokens, errand.lostCachedTokens, errand.lostCompletionTokens, errand.attempts);
    finish(
        errand,
        new Completion(
            errand.request.requestId(), errand.sample, null, "", null, null, FinishReason.ERROR, errorClass, message, 0,
            usage));
  }

  private void finish(Errand errand, Completion completion) {
    finished++;
    errand.session.finish(completion);
  }

  private void die(InferenceException why) {
    if (death == null) {
      death = why;
      calls.forEach(Call::cancel);
    }
  }

  private void show() {
    limit = addresses.limit();
    EngineStats.Load load =
        new EngineStats.Load(
            calls.stream().mapToInt(call -> call.errands.size()).sum(), waiting.get(), limit, 0, 0, 0);
    stats =
        new EngineStats(
            0, promptTokens - cachedTokens, cachedTokens, completionTokens, 0, finished, 0, 0, 0, load, Map.of());
  }
}
