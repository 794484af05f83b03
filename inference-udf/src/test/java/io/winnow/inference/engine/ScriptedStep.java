// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static io.winnow.kernels.KvCache.PAGE_TOKENS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;

/**
 * Computes {@link Script} over a cache in pages, and checks before each draw that the row's page table holds exactly
 * the tokens of its sequence: wrong sharing, copying or recomputing is found where it happens.
 */
final class ScriptedStep implements StepRunner {
  /** One step as it was. */
  record Step(int rows, int decodeRows, List<Sequence> drawing) {}

  private static final long EMPTY = -1;

  final List<Step> steps = Collections.synchronizedList(new ArrayList<>());
  private final long[][] cache;
  private final Consumer<StepBatch> before;
  volatile AssertionError broken;
  /** Tokens of prompts whose log-probabilities were asked for. */
  volatile int scored;
  volatile boolean closed;

  ScriptedStep(int pages) {
    this(pages, batch -> {});
  }

  /** {@code before} sees each batch first, on the engine's thread; it may wait or throw. */
  ScriptedStep(int pages, Consumer<StepBatch> before) {
    this.cache = new long[pages][PAGE_TOKENS];
    this.before = before;
    for (int page = 0; page < pages; page++) {
      wipe(page);
    }
  }

  /** Forgets what a page held, as nobody may rely on a page that was given back. */
  void wipe(int page) {
    Arrays.fill(cache[page], EMPTY);
  }

  @Override
  public void run(StepBatch batch, int[] token, float[] logprob) {
    steps.add(
        new Step(batch.rows, batch.decodeRows, List.of(Arrays.copyOf(batch.drawing, batch.draws))));
    before.accept(batch);
    for (int row = 0; row < batch.rows; row++) {
      int position = batch.positions[row];
      long last = position == 0 ? 0 : at(batch.pages[row], position - 1);
      cache[batch.pages[row][position / PAGE_TOKENS]][position % PAGE_TOKENS] =
          Script.content(last, batch.tokens[row], position);
    }
    for (int i = 0; i < batch.draws; i++) {
      Sequence s = batch.drawing[i];
      int row = batch.logitRows[i];
      int[] guesses = Arrays.copyOfRange(batch.tokens, row + 1 - batch.ahead[i], row + 1);
      long last = checked(s, guesses, batch.pages[row], batch.positions[row]);
      int[] prompt = s.request.prompt();
      int place = s.count + batch.ahead[i];
      token[i] = Script.draw(last, Script.breaks(prompt), s.request.promptStream, s.sampleIndex, place);
    }
    for (int i = 0; i < batch.scores; i++) {
      int row = batch.scoreRows[i];
      if (batch.tokens[row] != batch.scoring[i].context[batch.scorePlaces[i] - 1]) {
        throw broken("the row of another token is scored for place " + batch.scorePlaces[i]);
      }
      batch.scored[i] = Script.score(at(batch.pages[row], batch.positions[row]), batch.scoreTokens[i]);
      scored++;
    }
  }

  /** Content of the last position, when everything up to it is the sequence's own. */
  private long checked(Sequence s, int[] guesses, int[] pages, int position) {
    int[] own = s.context();
    int[] context = Arrays.copyOf(own, own.length + guesses.length);
    System.arraycopy(guesses, 0, context, own.length, guesses.length);
    if (position != context.length - 1) {
      throw broken(s + " draws at position " + position + " of " + context.length);
    }
    long last = 0;
    for (int p = 0; p < context.length; p++) {
      last = Script.content(last, context[p], p);
      if (at(pages, p) != last) {
        throw broken(
            String.format(
                "request %d, sample %d: position %d of %d is not in page %d",
                s.request.id(), s.sampleIndex, p, context.length, pages[p / PAGE_TOKENS]));
      }
    }
    return last;
  }

  private AssertionError broken(String what) {
    broken = new AssertionError(what);
    return broken;
  }

  private long at(int[] pages, int position) {
    return cache[pages[position / PAGE_TOKENS]][position % PAGE_TOKENS];
  }

  @Override
  public void copyPage(int from, int to) {
    System.arraycopy(cache[from], 0, cache[to], 0, PAGE_TOKENS);
  }

  @Override
  public void close() {
    closed = true;
  }
}
