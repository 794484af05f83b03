// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One scheduler with the scripted model behind it, driven as the engine's loop does, and checked at every step. */
final class DrivenScheduler {
  final BlockPool pool;
  final PrefixTree tree;
  final ScriptedStep step;
  final Scheduler scheduler;
  final Admission admission;
  final StepBatch batch;
  final int[] token;
  final List<Sequence> finished = new ArrayList<>();
  /** Guesses that were made, and those that came true. */
  long guessed;
  long kept;
  int steps;
  int reclaimed;

  DrivenScheduler(int pages, int maxSequences, int maxRows) {
    this(pages, maxSequences, maxRows, true);
  }

  DrivenScheduler(int pages, int maxSequences, int maxRows, boolean prefixes) {
    pool = new BlockPool(pages);
    tree = new PrefixTree(pool, prefixes);
    pool.whenReclaimed(
        page -> {
          tree.forget(page);
          reclaimed++;
        });
    step = new ScriptedStep(pages);
    scheduler = new Scheduler(pool, tree, maxSequences, maxRows, step::copyPage);
    admission = new Admission(Script.limits(maxSequences, maxRows), pages, LetterText::new);
    batch = new StepBatch(maxRows, EngineCore.draws(maxSequences));
    token = new int[EngineCore.draws(maxSequences)];
  }

  /** Lets sequences guess ahead. */
  void guess(int maxRows) {
    scheduler.guessBy(new PromptLookup(maxRows, new AlwaysGuess()));
  }

  /** Whether pages of the tree have been taken for others. */
  boolean reclaimed() {
    return reclaimed > 0;
  }

  List<Sequence> add(GenerationRequest request) {
    return add(request, null);
  }

  List<Sequence> add(GenerationRequest request, EngineSession session) {
    OpenRequest open = new OpenRequest(request, session);
    List<Sequence> samples = new ArrayList<>();
    for (int place = 0; place < request.sampleIndexes().length; place++) {
      samples.add(admission.sequence(open, place));
    }
    scheduler.add(request.promptTokens(), samples);
    return samples;
  }

  void step() {
    steps++;
    scheduler.next(batch);
    Prefill first = scheduler.prefilling.isEmpty() ? null : scheduler.prefilling.get(0);
    boolean decoding = !scheduler.running.isEmpty();
    int before = decoding ? scheduler.running.get(0).count : first.computed;
    checkOrder();
    checkReferences();
    checkWrites();
    step.run(batch, token, null);
    for (int i = 0; i < batch.draws; i++) {
      guessed += batch.ahead[i] > 0 ? 1 : 0;
      if (batch.counts(i)) {
        kept += batch.ahead[i] > 0 ? 1 : 0;
        advance(batch.drawing[i], token[i]);
      }
    }
    for (int i = 0; i < batch.scores; i++) {
      batch.scoring[i].scores().take(batch.scorePlaces[i], batch.scored[i]);
    }
    for (int i = 0; i < batch.ends; i++) {
      batch.ending[i].finish = FinishReason.LENGTH;
      finished.add(batch.ending[i]);
    }
    Sequence oldest = decoding ? scheduler.running.get(0) : null;
    scheduler.complete(batch);
    // Each step brings the oldest on: nothing starves, and every schedule ends.
    assertTrue(decoding ? oldest.count > before || oldest.finish != null : first.computed > before, "no progress");
    checkReferences();
    for (int page = 0; page < pool.pages(); page++) {
      if (pool.references(page) == 0 && !pool.kept(page)) {
        step.wipe(page);
      }
    }
  }

  private void advance(Sequence s, int drawn) {
    if (drawn < 0) {
      s.fail("non_finite_logits", "scripted");
    } else {
      s.append(drawn, 0);
      if (drawn == Script.EOS || s.text.append(drawn, true)) {
        s.finish = FinishReason.STOP;
      } else if (s.count >= s.limit) {
        s.finish = FinishReason.LENGTH;
      }
    }
    if (s.finish != null) {
      finished.add(s);
    }
  }

  /** Whoever was admitted first is ahead: what runs, then what is prefilled. */
  private void checkOrder() {
    List<Long> admitted = new ArrayList<>();
    scheduler.running.forEach(s -> admitted.add(s.admission));
    scheduler.prefilling.forEach(p -> admitted.add(p.admission));
    for (int i = 1; i < admitted.size(); i++) {
      assertTrue(admitted.get(i - 1) <= admitted.get(i), "a later one is ahead of an earlier one: " + admitted);
    }
  }

  void checkReferences() {
    int[] holders = new int[pool.pages()];
    for (Sequence s : scheduler.running) {
      checkPath(s.pages, s.pageCount);
      for (int i = 0; i < s.pageCount; i++) {
        holders[s.pages[i]]++;
      }
    }
    for (Prefill p : scheduler.prefilling) {
      checkPath(p.pages, p.pages.length);
      for (int page : p.pages) {
        holders[page]++;
      }
      for (int page : p.copies) {
        holders[page]++;
      }
    }
    int free = 0;
    for (int page = 0; page < holders.length; page++) {
      int held = page;
      assertEquals(holders[page], pool.references(page), () -> "holders of page " + held);
      free += holders[page] == 0 ? 1 : 0;
    }
    assertEquals(free, pool.freePages());
  }

  /** Whoever holds a page of the tree holds those above it, each at its place. */
  private void checkPath(int[] pages, int count) {
    boolean behind = false;
    for (int i = 0; i < count; i++) {
      PrefixTree.Node node = tree.place(pages[i]);
      assertEquals(pool.kept(pages[i]), node != null, "a page is kept, or not, against the tree");
      if (node == null) {
        behind = true;
      } else {
        assertTrue(!behind, "a page of the tree behind one that is not in it");
        assertEquals(i + 1, node.depth);
        assertEquals(i == 0 ? -1 : pages[i - 1], node.parent.page);
      }
    }
  }

  private void checkWrites() {
    assertTrue(batch.rows > 0, "a step without rows");
    Set<Long> written = new HashSet<>();
    for (int row = 0; row < batch.rows; row++) {
      int page = batch.pages[row][batch.positions[row] / 64];
      assertEquals(1, pool.references(page), "a row writes to a page that is not its own");
      assertTrue(!pool.kept(page), "a row writes to a page that is kept for others");
      assertTrue(written.add(page * 64L + batch.positions[row] % 64), "two rows write to the same place");
    }
  }

  void checkFinished(Map<Sequence, GenerationRequest> requests, Set<Sequence> cancelled) {
    Set<Sequence> seen = new HashSet<>();
    for (Sequence s : finished) {
      assertTrue(seen.add(s), "finished twice");
      Script.Expected expected = Script.alone(requests.get(s), s.sampleIndex);
      assertArrayEquals(expected.tokens(), Arrays.copyOf(s.generated, s.count));
      assertEquals(expected.text(), s.text.text());
      assertEquals(expected.finish(), s.finish);
      assertArrayEquals(Script.promptLogprobs(requests.get(s)), s.request.scores.logprobs());
    }
    seen.addAll(cancelled);
    assertEquals(requests.size(), seen.size(), "samples that neither finished nor were cancelled");
    assertEquals(pool.pages(), pool.freePages());
  }
}
