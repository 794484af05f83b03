// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static io.winnow.kernels.KvCache.PAGE_TOKENS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.function.Predicate;

/**
 * Decides what each step computes: one token of every running sequence, then as much of the waiting prompts as rows are
 * left. A prompt is prefilled once for all its samples, which then share its full pages; what it has in common with
 * others that were prefilled before comes from the {@link PrefixTree}. When pages run out the youngest is preempted:
 * its pages go, and its tokens are computed again later, as far as the tree has lost them.
 *
 * <p>A state machine without threads, clocks or arithmetic: {@link #add}, then again and again {@link #next} and {@link
 * #complete}.
 */
final class Scheduler {
  /** Copies a page's content, called when samples part from their common prompt. */
  interface PageCopier {
    void copy(int from, int to);
  }

  /**
   * The order of rows in a step: along the tree, so that those that share pages are neighbours, the longer the common
   * run the closer. Attention reads pages once for neighbours that have the same.
   */
  private static final Comparator<Sequence> ALONG_TREE =
      (a, b) -> Arrays.compare(a.pages, 0, a.pageCount, b.pages, 0, b.pageCount);

  /** A group that does not fit whole is parted when so many of its samples do: then a prefill more is no great cost. */
  private static final int SMALLEST_PART = 16;

  private final BlockPool pool;
  private final PrefixTree tree;
  private final int maxSequences;
  private final int maxRows;
  private final PageCopier copier;
  private final LengthPredictor lengths = new LengthPredictor();
  private final AdmissionQueue waiting = new AdmissionQueue(lengths);
  final List<Prefill> prefilling = new ArrayList<>();
  /** In the order of admission. */
  final List<Sequence> running = new ArrayList<>();
  private final List<Sequence> rows = new ArrayList<>();
  private PromptLookup lookup;
  /** Of the latest step: sequences that drew, if there was nothing else in it, their guesses, and what they drew. */
  private int drew;
  private int guessed;
  private int advanced;
  private long admissions;
  private long preemptions;

  /**
   * A scheduler with nothing to do.
   *
   * @param tree prefixes in the pages of {@code pool}
   * @param maxRows tokens of a step; at least {@code maxSequences}, so that every running sequence has its row
   */
  Scheduler(BlockPool pool, PrefixTree tree, int maxSequences, int maxRows, PageCopier copier) {
    if (maxSequences < 1 || maxRows < maxSequences) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot schedule %d sequences in steps of %d rows: there must be at least one sequence, and a row for"
                  + " each.",
              maxSequences, maxRows));
    }
    this.pool = pool;
    this.tree = tree;
    this.maxSequences = maxSequences;
    this.maxRows = maxRows;
    this.copier = copier;
  }

  /** Lets sequences guess ahead; null for not. */
  void guessBy(PromptLookup by) {
    lookup = by;
  }

  /**
   * Queues the samples of a prompt. Those that start anew share its prefill, but more than run together are split, each
   * part with its own; those that have tokens already come after them, each with its own context.
   */
  void add(int[] prompt, List<Sequence> samples) {
    List<Sequence> anew = samples.stream().filter(s -> s.count == 0).toList();
    for (int i = 0; i < anew.size(); i += maxSequences) {
      waiting.add(new Prefill(prompt, List.copyOf(anew.subList(i, Math.min(anew.size(), i + maxSequences)))));
    }
    for (Sequence s : samples) {
      if (s.count > 0) {
        waiting.add(new Prefill(s.context(), List.of(s)));
      }
    }
  }

  /** Puts sequences that were taken out at the head of what waits, in their order. */
  void rejoin(List<Sequence> sequences) {
    for (int i = sequences.size() - 1; i >= 0; i--) {
      waiting.addFirst(new Prefill(sequences.get(i).context(), List.of(sequences.get(i))));
    }
  }

  /** Takes out all that is in steps, running or in prefill, in the order of admission; frees its pages. */
  List<Sequence> evict() {
    List<Sequence> evicted = new ArrayList<>(running);
    running.forEach(this::leaveInTree);
    running.clear();
    for (Prefill p : prefilling) {
      // A copy that failed may have come after some members began to run.
      p.members.stream().filter(s -> !evicted.contains(s)).forEach(evicted::add);
      releasePages(p);
    }
    prefilling.clear();
    return evicted;
  }

  boolean idle() {
    return waiting.isEmpty() && prefilling.isEmpty() && running.isEmpty();
  }

  int runningCount() {
    return running.size();
  }

  long preemptions() {
    return preemptions;
  }

  /** Fills {@code batch} with the next step; it has at least one row unless the scheduler is idle. */
  void next(StepBatch batch) {
    batch.clear();
    growRunning();
    admit();
    rows.clear();
    rows.addAll(running);
    rows.sort(ALONG_TREE);
    boolean guesses = lookup != null && prefilling.isEmpty() && !running.isEmpty() && lookup.pays(running.size());
    for (Sequence s : rows) {
      s.drawn = 0;
      int row = batch.add(s.generated[s.count - 1], s.computed, s.pages);
      batch.draw(row, s);
      if (guesses) {
        lookup.guess(s, running.size(), batch);
      }
    }
    batch.decodeRows = batch.rows;
    drew = prefilling.isEmpty() ? running.size() : 0;
    guessed = batch.rows - running.size();
    for (Prefill p : prefilling) {
      int chunk = Math.min(p.remaining(), maxRows - batch.rows);
      p.scheduled = chunk;
      int row = -1;
      for (int i = 0; i < chunk; i++) {
        row = batch.add(p.context[p.computed + i], p.computed + i, p.pages);
        batch.score(row, p);
      }
      if (chunk > 0 && chunk == p.remaining()) {
        for (Sequence s : p.members) {
          s.drawn = 0;
          batch.drawOrEnd(row, s);
        }
      }
    }
  }

  /** Gives every running sequence room for its next token, preempting the youngest where pages are short. */
  private void growRunning() {
    for (int i = 0; i < running.size(); i++) {
      Sequence s = running.get(i);
      if (s.computed < s.pageCount * PAGE_TOKENS) {
        continue;
      }
      int page = pool.take();
      while (page < 0) {
        Sequence victim = preemptYoungest();
        if (victim == s) {
          break;
        }
        page = pool.take();
      }
      if (page < 0) {
        i--;
        continue;
      }
      s.pages[s.pageCount++] = page;
      // Preempting others may have moved this sequence to the left.
      i = running.indexOf(s);
    }
  }

  /** Preempts whatever was admitted last; returns the sequence, or null when it was a prompt in prefill. */
  private Sequence preemptYoungest() {
    preemptions++;
    Prefill youngestPrefill = prefilling.isEmpty() ? null : prefilling.get(prefilling.size() - 1);
    Sequence youngest = null;
    for (Sequence s : running) {
      if (youngest == null || s.admission >= youngest.admission) {
        youngest = s;
      }
    }
    if (youngestPrefill != null && youngestPrefill.admission > youngest.admission) {
      prefilling.remove(youngestPrefill);
      releasePages(youngestPrefill);
      waiting.addFirst(youngestPrefill);
      return null;
    }
    running.remove(youngest);
    leaveInTree(youngest);
    waiting.addFirst(new Prefill(youngest.context(), List.of(youngest)));
    return youngest;
  }

  private void admit() {
    // A prompt whose prefix is being computed for another waits for it, and lets others pass.
    Predicate<Prefill> ready = q -> !prefixUnderWay(q);
    Prefill p = waiting.next(ready);
    while (p != null) {
      int active = running.size() + prefilling.stream().mapToInt(q -> q.members.size()).sum();
      int places = maxSequences - active;
      if (p.members.size() > places) {
        if (places < Math.max(1, Math.min(SMALLEST_PART, maxSequences / 4))) {
          return;
        }
        // Waiting until the whole group fits would leave the batch half empty; small parts would repeat the prefill.
        p = waiting.split(p, places);
        continue;
      }
      PrefixTree.Node prefix = tree.find(p.context, p.reusable());
      int contextPages = pagesFor(p.context.length);
      int copies = p.context.length % PAGE_TOKENS == 0 ? 0 : p.members.size() - 1;
      // Room to grow, so that what is admitted is not preempted at once.
      int reserve = active == 0 ? 0 : (active + p.members.size() + 1) / 2;
      if (contextPages - tree.held(prefix) + copies + reserve > pool.freePages()) {
        if (active > 0) {
          return;
        }
        if (p.members.size() == 1) {
          throw new IllegalStateException(
              "a context of " + p.context.length + " tokens does not fit an empty cache of " + pool.pages() + " pages");
        }
        p = waiting.split(p, p.members.size() / 2);
        continue;
      }
      waiting.admitted(p);
      p.pages = new int[contextPages];
      // First those that are there: among them may be idle ones, which would be taken for others.
      tree.take(prefix, p.pages);
      fill(p.pages, prefix.depth);
      p.copies = new int[copies];
      fill(p.copies, 0);
      p.prefix = prefix;
      p.computed = prefix.depth * PAGE_TOKENS;
      p.admission = admissions++;
      prefilling.add(p);
      p = waiting.next(ready);
    }
  }

  /** Whether the next page that {@code p} lacks is one that a prompt in prefill is about to have. */
  private boolean prefixUnderWay(Prefill p) {
    if (prefilling.isEmpty()) {
      return false;
    }
    PrefixTree.Node prefix = tree.find(p.context, p.reusable());
    for (Prefill q : prefilling) {
      if (q.prefix == prefix && tree.sameNext(prefix, p.context, p.reusable(), q.context, q.context.length)) {
        return true;
      }
    }
    return false;
  }

  private void fill(int[] pages, int from) {
    for (int i = from; i < pages.length; i++) {
      pages[i] = pool.take();
    }
  }

  static int pagesFor(int tokens) {
    return (tokens + PAGE_TOKENS - 1) / PAGE_TOKENS;
  }

  /**
   * Takes in the step that {@link #next} gave: its keys and values are in the cache, and every drawing sequence has its
   * new token appended or its {@code finish} set, as every ending one has.
   */
  void complete(StepBatch batch) {
    advanced = 0;
    for (Sequence s : running) {
      s.computed += s.drawn;
      advanced += s.drawn;
    }
    List<Prefill> done = new ArrayList<>();
    for (Prefill p : prefilling) {
      p.computed += p.scheduled;
      p.scheduled = 0;
      p.prefix = tree.extend(p.prefix, p.context, p.computed, p.pages);
      if (p.remaining() == 0) {
        done.add(p);
      }
    }
    for (Prefill p : done) {
      fork(p);
      prefilling.remove(p);
    }
    for (Iterator<Sequence> it = running.iterator(); it.hasNext(); ) {
      Sequence s = it.next();
      if (s.finish != null) {
        lengths.finished(s);
        releasePages(s);
        it.remove();
      }
    }
  }

  /** Nothing is computed for a while, and what comes then may be of another kind. */
  void rests() {
    if (lookup != null) {
      lookup.rests();
    }
  }

  /** Takes in the time of the step that was completed last, in nanoseconds; it decides over guesses and nothing else. */
  void took(long nanos) {
    if (lookup != null) {
      lookup.took(drew, guessed, advanced, nanos);
    }
  }

  /** Gives every member its page table: full pages are shared, the last one is copied for all but the first. */
  private void fork(Prefill p) {
    int full = p.context.length / PAGE_TOKENS;
    boolean partial = p.context.length % PAGE_TOKENS != 0;
    // First what can fail: until it is done the pages are the prompt's.
    for (int copy : p.copies) {
      copier.copy(p.pages[full], copy);
    }
    for (int m = 0; m < p.members.size(); m++) {
      Sequence s = p.members.get(m);
      System.arraycopy(p.pages, 0, s.pages, 0, p.pages.length);
      s.pageCount = p.pages.length;
      s.computed = p.context.length;
      s.admission = p.admission;
      if (m > 0) {
        for (int i = 0; i < full; i++) {
          pool.retain(p.pages[i]);
        }
        if (partial) {
          s.pages[full] = p.copies[m - 1];
        }
      }
      running.add(s);
    }
    p.pages = new int[0];
    p.copies = new int[0];
  }

  /** Removes every sequence that matches, wherever it is, and returns them; their pages are free at once. */
  List<Sequence> remove(Predicate<Sequence> unwanted) {
    List<Sequence> removed = new ArrayList<>();
    for (Iterator<Sequence> it = running.iterator(); it.hasNext(); ) {
      Sequence s = it.next();
      if (unwanted.test(s)) {
        releasePages(s);
        it.remove();
        removed.add(s);
      }
    }
    for (Iterator<Prefill> it = prefilling.iterator(); it.hasNext(); ) {
      Prefill p = it.next();
      // All samples of a prompt belong to one request and leave together.
      if (p.members.stream().anyMatch(unwanted)) {
        releasePages(p);
        it.remove();
        removed.addAll(p.members);
      }
    }
    waiting.remove(unwanted).forEach(p -> removed.addAll(p.members));
    return removed;
  }

  /** Releases the pages of a sequence that will come back; it finds there what is not reclaimed until then. */
  private void leaveInTree(Sequence s) {
    tree.extend(tree.root(), s.context(), s.computed, s.pages);
    releasePages(s);
  }

  private void releasePages(Sequence s) {
    pool.release(s.pages, s.pageCount);
    s.pageCount = 0;
    s.computed = 0;
  }

  private void releasePages(Prefill p) {
    pool.release(p.copies, p.copies.length);
    pool.release(p.pages, p.pages.length);
    p.pages = new int[0];
    p.copies = new int[0];
    p.prefix = null;
    p.computed = 0;
  }
}
