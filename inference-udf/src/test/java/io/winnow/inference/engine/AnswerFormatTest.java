// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.AnswerFormat;
import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.grammar.AnswerGrammars;
import io.winnow.inference.tokenizer.ByteTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Formats of answers in the engine: a made-up model draws evenly from the masks, a token a byte. */
@Timeout(60)
class AnswerFormatTest {
  private static final AnswerFormat YES_NO = AnswerFormat.choice(List.of("yes", "no", "not sure"));
  private static final AnswerFormat LONG = AnswerFormat.regex("([a-z]{2,9} ){20,60}");

  private static SamplingParams params(AnswerFormat format, int maxTokens) {
    return new SamplingParams(1, 1, 0, 0, 1, maxTokens, List.of(), 7, true, 0).withAnswer(format);
  }

  private static EngineCore open(int pages, int maxSequences) {
    EngineCore.Limits limits =
        new EngineCore.Limits(300, 2048, Set.of(ByteTokenizer.END), maxSequences, maxSequences + 64);
    ScriptedDecoder decoder = new ScriptedDecoder(ScriptParams.of("scripted:"), () -> {});
    return new EngineCore(limits, pages, true, decoder, new ByteTokenizer());
  }

  private static GenerationRequest request(int id, int samples, SamplingParams params) {
    int[] prompt = new ByteTokenizer().encode("prompt " + id);
    return new GenerationRequest(id, prompt, IntStream.range(0, samples).toArray(), params);
  }

  private static List<Completion> run(int pages, int maxSequences, List<GenerationRequest> requests) throws Exception {
    EngineCore core = open(pages, maxSequences);
    try (EngineSession session = core.open()) {
      requests.forEach(session::submit);
      return EngineCoreTest.all(session);
    } finally {
      core.close();
    }
  }

  private static List<Completion> run(GenerationRequest... requests) throws Exception {
    return run(400, 32, List.of(requests));
  }

  private static Map<String, String> lines(List<Completion> all) {
    Map<String, String> out = new TreeMap<>();
    for (Completion c : all) {
      assertNull(c.errorClass(), c.errorMessage());
      out.put(
          c.requestId() + "/" + c.sampleIndex(),
          c.finishReason() + " " + c.text() + " " + Arrays.toString(c.tokenIds()) + Arrays.toString(c.logprobs()));
    }
    return out;
  }

  private static GenerationRequest thinking(int id, String prompt, AnswerFormat format, int budget, int[]... given) {
    SamplingParams params = params(format, 200).withThinkingBudget(budget);
    int[] samples = IntStream.range(0, 24).toArray();
    return new GenerationRequest(
        id, new ByteTokenizer().encode(prompt), samples, params, given.length == 0 ? null : given);
  }

  @Test
  void theFormatBeginsBehindThinking() throws Exception {
    List<GenerationRequest> requests =
        List.of(
            thinking(0, "Q <think>\n", YES_NO, 30), thinking(1, "Q", YES_NO, 30),
            thinking(2, "Q", AnswerFormat.jsonSchema("{\"type\": \"string\", \"maxLength\": 60}"), 30));
    List<Completion> all = run(900, 48, requests);
    int thought = 0;
    for (Completion c : all) {
      assertNull(c.errorClass(), c.errorMessage());
      boolean begun = c.requestId() == 0 || c.text().startsWith("<think>");
      int end = c.text().indexOf("</think>");
      thought += begun && c.requestId() > 0 ? 1 : 0;
      assertEquals(FinishReason.STOP, c.finishReason(), c.text());
      assertTrue(!begun || end >= 0, c.text());
      String answer = begun ? c.text().substring(end + "</think>".length()).strip() : c.text();
      boolean quoted = answer.startsWith("\"") && answer.endsWith("\"");
      assertTrue(c.requestId() == 2 ? quoted : YES_NO.texts().contains(answer), c.text());
    }
    assertTrue(thought > 4 && thought < 40, thought + " thought before they answered");
    assertEquals(lines(all), lines(run(60, 3, requests)));
    for (int cut = 1; cut < 60; cut += 3) {
      List<GenerationRequest> rest = new ArrayList<>();
      for (GenerationRequest r : requests) {
        int[][] given = new int[24][];
        for (Completion c : all) {
          if (c.requestId() == r.requestId()) {
            given[c.sampleIndex()] = Arrays.copyOf(c.tokenIds(), Math.min(cut, c.tokenIds().length - 1));
          }
        }
        rest.add(new GenerationRequest(r.requestId(), r.promptTokens(), r.sampleIndexes(), r.params(), given));
      }
      for (Completion c : run(900, 48, rest)) {
        Completion whole =
            all.stream().filter(o -> o.requestId() == c.requestId() && o.sampleIndex() == c.sampleIndex())
                .findFirst().orElseThrow();
        assertArrayEquals(whole.tokenIds(), c.tokenIds(), c.errorMessage());
      }
    }
  }

  /** As before there was a budget: where nothing is opened and nothing may be. */
  @Test
  void withoutABudgetOnlyAnOpenPromptIsThoughtAbout() throws Exception {
    for (Completion c : run(900, 48, List.of(thinking(0, "Q <think> is a mark", YES_NO, 0)))) {
      assertTrue(YES_NO.texts().contains(c.text()), c.text());
    }
    for (Completion c : run(900, 48, List.of(thinking(0, "Q <think>", YES_NO, 0)))) {
      assertNull(c.errorClass(), c.errorMessage());
      assertEquals(
          c.finishReason() == FinishReason.STOP, c.text().matches("(?s).*</think>\\s*(yes|no|not sure)"), c.text());
    }
  }

  @Test
  void anAnswerIsOneOfTheChoicesAndEndsWithItsLastToken() throws Exception {
    AnswerFormat format = AnswerFormat.choice(List.of("yes", "no", "unsure"));
    Set<String> seen = new TreeSet<>();
    for (Completion c : run(request(1, 60, params(format, 20)))) {
      seen.add(c.text());
      assertEquals(FinishReason.STOP, c.finishReason());
      // Nothing can follow, so no end of sequence is drawn.
      assertArrayEquals(new ByteTokenizer().encode(c.text()), c.tokenIds());
    }
    assertEquals(new TreeSet<>(format.texts()), seen);
  }

  @Test
  void anAnswerThatCouldGoOnEndsByAnEndOfSequence() throws Exception {
    Set<Integer> lengths = new TreeSet<>();
    for (Completion c : run(request(1, 60, params(AnswerFormat.regex("a{1,3}b*"), 100)))) {
      assertEquals(FinishReason.STOP, c.finishReason());
      assertTrue(c.text().matches("a{1,3}b*"), c.text());
      assertEquals(ByteTokenizer.END, c.tokenIds()[c.tokenIds().length - 1]);
      lengths.add(c.text().length());
    }
    assertTrue(lengths.size() > 2, lengths::toString);
  }

  @Test
  void answersAreJsonOfTheirSchema() throws Exception {
    String schema =
        "{\"type\": \"object\", \"properties\": {\"label\": {\"enum\": [\"spam\", \"ham\"]}, \"score\": {\"type\":"
            + " \"integer\", \"minimum\": 0, \"maximum\": 100}, \"why\": {\"type\": \"string\", \"maxLength\": 30}},"
            + " \"required\": [\"label\", \"score\"]}";
    for (Completion c : run(request(1, 100, params(AnswerFormat.jsonSchema(schema), 400)))) {
      assertEquals(FinishReason.STOP, c.finishReason());
      JsonNode value = new ObjectMapper().readTree(c.text());
      assertTrue(Set.of("spam", "ham").contains(value.get("label").asText()), c.text());
      int score = value.get("score").intValue();
      assertTrue(value.get("score").isInt() && score >= 0 && score <= 100);
      String why = value.path("why").asText();
      assertTrue(why.codePointCount(0, why.length()) <= 30);
    }
  }

  @Test
  void preemptionAndBatchesChangeNothing() throws Exception {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      requests.add(request(i, 3, params(i % 3 == 0 ? YES_NO : LONG, 500)));
    }
    Map<String, String> expected = lines(run(400, 1, requests));
    assertTrue(expected.values().stream().distinct().count() > 39, "samples hardly differ");
    assertEquals(expected, lines(run(400, 32, requests)));
    EngineCore core = open(12, 16);
    try (EngineSession session = core.open()) {
      requests.forEach(session::submit);
      assertEquals(expected, lines(EngineCoreTest.all(session)));
      assertTrue(core.stats().preemptions() > 0, "nothing was preempted");
    } finally {
      core.close();
    }
  }

  @Test
  void anAnswerGoesOnFromAnyCut() throws Exception {
    Random random = new Random(Script.seed("AnswerFormatTest"));
    for (Completion whole : run(request(1, 8, params(LONG, 700)))) {
      assertEquals(FinishReason.STOP, whole.finishReason(), whole.text());
      int[] tokens = whole.tokenIds();
      int cut = 1 + random.nextInt(tokens.length - 1);
      SamplingParams shorter = params(LONG, cut);
      int[] only = {whole.sampleIndex()};
      int[] prompt = request(1, 1, shorter).promptTokens();
      Completion part = run(new GenerationRequest(1, prompt, only, shorter)).get(0);
      assertEquals(FinishReason.LENGTH, part.finishReason());
      assertArrayEquals(Arrays.copyOf(tokens, cut), part.tokenIds());
      Completion rest =
          run(new GenerationRequest(1, prompt, only, params(LONG, 700), new int[][] {part.tokenIds()})).get(0);
      assertEquals(FinishReason.STOP, rest.finishReason());
      assertArrayEquals(tokens, rest.tokenIds());
      assertEquals(whole.text(), rest.text());
      // An answer that is whole at the limit has ended and was not cut.
      Completion exact = run(new GenerationRequest(1, prompt, only, params(LONG, tokens.length))).get(0);
      assertEquals(FinishReason.STOP, exact.finishReason());
    }
  }

  @Test
  void tokensThatTheFormatDoesNotAllowCannotBeGoneOnFrom() throws Exception {
    ByteTokenizer bytes = new ByteTokenizer();
    int[][] given = {bytes.encode("ye"), bytes.encode("yx"), bytes.encode("yes"), bytes.encode("not"), null};
    SamplingParams params = params(YES_NO, 20);
    int[] prompt = request(1, 1, params).promptTokens();
    List<Completion> got = run(new GenerationRequest(1, prompt, new int[] {0, 1, 2, 3, 4}, params, given));
    for (Completion c : got) {
      boolean refused = c.sampleIndex() == 1 || c.sampleIndex() == 2;
      assertEquals(refused ? "continuation_invalid" : null, c.errorClass(), c.text());
      if (!refused && c.sampleIndex() < 4) {
        assertEquals(c.sampleIndex() == 0 ? "yes" : "not sure", c.text());
      } else if (refused) {
        String why =
            c.sampleIndex() == 1 ? "does not allow what is there at token 2" : "leaves nothing to add at token 3";
        assertTrue(c.errorMessage().contains("--choice " + why), c.errorMessage());
      }
    }
  }

  @Test
  void whatCannotBeAFormatIsAnErrorOfItsRowsAlone() throws Exception {
    List<Completion> got =
        run(
            request(0, 2, params(AnswerFormat.regex("(a{1000}){1000}"), 9)),
            request(1, 1, params(AnswerFormat.jsonSchema("{\"type\": \"string\", \"format\": \"iri\"}"), 9)),
            request(2, 1, params(YES_NO, 20)));
    for (Completion c : got) {
      assertEquals(c.requestId() == 2 ? null : "answer_format_invalid", c.errorClass());
    }
    assertTrue(
        got.stream().anyMatch(c -> c.requestId() == 1 && c.errorMessage().contains("at # the format 'iri' is not supported")));
    // Letters alone spell no digit.
    EngineCore core =
        new EngineCore(Script.limits(4, 64), 20, true, new ScriptedStep(20), LetterText::new,
            new AnswerGrammars(new LetterTokenizer(Script.VOCAB), Script.VOCAB, Set.of()));
    try (EngineSession session = core.open()) {
      session.submit(request(3, 1, params(AnswerFormat.choice(List.of("1", "2")), 9)));
      Completion c = EngineCoreTest.all(session).get(0);
      assertTrue(c.errorMessage().contains("no tokens that spell any such answer"), c.errorMessage());
    } finally {
      core.close();
    }
  }

  @Test
  void whatElseSaysWhereAnAnswerEndsIsRefused() {
    SamplingParams plain = params(null, 9);
    assertThrows(IllegalArgumentException.class, () -> plain.withEnds(List.of(5), 0, false).withAnswer(YES_NO));
    assertThrows(IllegalArgumentException.class, () -> plain.withEnds(List.of(), 3, false).withAnswer(YES_NO));
    assertThrows(IllegalArgumentException.class, () -> plain.withEnds(List.of(), 0, true).withAnswer(YES_NO));
    SamplingParams stop = new SamplingParams(1, 1, 0, 0, 1, 9, List.of("x"), 7, true, 0);
    assertThrows(IllegalArgumentException.class, () -> stop.withAnswer(YES_NO));
    SamplingParams changed = params(YES_NO, 9).withPenalties(1, 1).withMaxTokens(3, false).withLogitBias(Map.of());
    assertEquals(YES_NO, changed.answer());
  }
}
