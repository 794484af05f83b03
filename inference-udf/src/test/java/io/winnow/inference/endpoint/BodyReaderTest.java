// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.FinishReason;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.Test;

/** Bodies of responses, whole and in pieces of any size. */
class BodyReaderTest {
  private static final class Pull implements Flow.Subscription {
    private boolean cancelled;

    @Override
    public void request(long n) {}

    @Override
    public void cancel() {
      cancelled = true;
    }
  }

  /** Feeds a body in pieces that the seed cuts; ends it, or breaks it off. */
  private static BodyReader read(boolean events, String body, long seed, boolean broken) {
    BodyReader reader = new BodyReader(events, 1 << 20);
    reader.onSubscribe(new Pull());
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    Random random = new Random(seed);
    for (int at = 0; at < bytes.length; ) {
      int length = Math.min(bytes.length - at, 1 + random.nextInt(7));
      reader.onNext(List.of(ByteBuffer.wrap(bytes, at, length)));
      at += length;
    }
    if (broken) {
      reader.onError(new java.io.IOException("reset"));
    } else {
      reader.onComplete();
    }
    return reader;
  }

  @Test
  void joinsThePiecesOfStreamsWhereverTheyAreCut() {
    String body =
        ": comment\r\n\r\nevent: x\r\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"z\u00fc\"}}]}\r\n\r\n"
            + "data:{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"hm\"}}]}\r\r"
            + "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"a\ud83d\ude00\"}}]}\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"g\"},\"finish_reason\":\"length\"}]}\n\n"
            + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9,"
            + "\"prompt_cache_hit_tokens\":4}}\n\n"
            + "data: [DONE]\n\ndata: rest that nobody reads\n\n";
    for (long seed = 0; seed < 30; seed++) {
      BodyReader reader = read(true, body, seed, false);
      Answer answer = reader.answer();
      assertNull(reader.wrong(), "seed " + seed);
      assertEquals("<think>\nhm\n</think>\n\na\ud83d\ude00", answer.choices().get(0).text(), "seed " + seed);
      assertEquals("z\u00fcg", answer.choices().get(1).text());
      assertEquals(FinishReason.STOP, answer.choices().get(0).reason());
      assertEquals(FinishReason.LENGTH, answer.choices().get(1).reason());
      assertEquals(5, answer.promptTokens());
      assertEquals(4, answer.cachedTokens());
      // The one that was cut has all it may have, and the rest is the other's.
      assertEquals(Map.of(0, 3, 1, 6), answer.lengths(6));
    }
  }

  @Test
  void aBrokenStreamKeepsTheChoicesThatHadEnded() {
    String body =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"tw\"}}]}\n\n";
    for (boolean broken : new boolean[] {true, false}) {
      Answer answer = read(true, body, 1, broken).answer();
      assertEquals(FinishReason.STOP, answer.choices().get(0).reason());
      assertNull(answer.choices().get(1).reason());
    }
  }

  /** As vLLM does it: what went wrong is an event, and the stream is closed in order behind it. */
  @Test
  void aStreamThatEndsInOrderAfterAnErrorHasNotEnded() {
    String body =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"tw\"},\"finish_reason\":null}]}\n\n"
            + "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\ndata: [DONE]\n\n";
    Answer answer = read(true, body, 1, false).answer();
    assertEquals(FinishReason.STOP, answer.choices().get(0).reason());
    assertNull(answer.choices().get(1).reason(), "half an answer passes for a whole one");
  }

  @Test
  void aStreamWithAHoleIsNoWholeAnswer() {
    String body =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"tw\"}}]}\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"con\n\n"
            + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"o\"},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n";
    BodyReader reader = read(true, body, 1, false);
    Answer answer = reader.answer();
    assertTrue(reader.wrong().contains("not JSON"), reader.wrong());
    assertEquals(FinishReason.STOP, answer.choices().get(0).reason());
    assertNull(answer.choices().get(1).reason(), "a text with a hole passes for a whole one");
    assertEquals(9, answer.completionTokens(), "it is billed all the same");
  }

  /** A request that was given up is read at once, and its connection ends a little later. */
  @Test
  void nothingIsAddedToAnAnswerThatWasRead() {
    byte[] event =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"on\"}}]}\n\n".getBytes(StandardCharsets.UTF_8);
    byte[] end =
        "data: {\"choices\":[{\"index\":1,\"text\":\"x\",\"finish_reason\":\"stop\"}]}"
            .getBytes(StandardCharsets.UTF_8);
    BodyReader reader = new BodyReader(true, 1 << 20);
    Pull pull = new Pull();
    reader.onSubscribe(pull);
    reader.onNext(List.of(ByteBuffer.wrap(event)));
    Answer answer = reader.answer();
    reader.onNext(List.of(ByteBuffer.wrap(event), ByteBuffer.wrap(end)));
    reader.onComplete();
    assertEquals("on", answer.choices().get(0).text(), "written to behind the reader's back");
    assertEquals(1, answer.choices().size());
    assertTrue(pull.cancelled);
  }

  /** What is paid is reckoned from them. */
  @Test
  void countsThatCannotBeAreNotTaken() {
    String usage =
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":-2,"
            + "\"prompt_tokens_details\":{\"cached_tokens\":9}}}";
    Answer answer = read(false, usage, 1, false).answer();
    assertEquals(5, answer.promptTokens());
    assertEquals(5, answer.cachedTokens(), "more of the prompt is cached than there is");
    assertEquals(0, answer.completionTokens());
    Answer negative =
        read(false, "{\"usage\":{\"prompt_tokens\":-5,\"prompt_cache_hit_tokens\":-1}}", 1, false).answer();
    assertEquals(0, negative.promptTokens());
    assertEquals(0, negative.cachedTokens());
  }

  @Test
  void aByteOrderMarkBeforeAStreamIsNoPartOfIt() {
    String body =
        "\ufeffdata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"on\"}}]}\n\n"
            + "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"e\"},\"finish_reason\":\"stop\"}]}\n\n";
    for (long seed = 0; seed < 5; seed++) {
      assertEquals("one", read(true, body, seed, false).answer().choices().get(0).text(), "seed " + seed);
    }
  }

  @Test
  void readsWholeAnswersOfAllKinds() {
    String body =
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"text\":\"b\"}],"
            + "\"reasoning_content\":null},\"finish_reason\":\"eos\",\"token_ids\":[5,6],"
            + "\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-0.25},{\"token\":\"b\",\"logprob\":-1}]}},"
            + "{\"index\":0,\"message\":{\"content\":\"twice\"}},"
            + "{\"index\":2,\"text\":\"c\",\"finish_reason\":null,\"logprobs\":{\"token_logprobs\":[-2.5]}}],"
            + "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,"
            + "\"prompt_tokens_details\":{\"cached_tokens\":6}}}";
    Answer answer = read(false, body, 3, false).answer();
    Answer.Choice first = answer.choices().get(0);
    assertEquals("ab", first.text());
    assertEquals(FinishReason.STOP, first.reason());
    assertArrayEquals(new int[] {5, 6}, first.tokenIds());
    assertArrayEquals(new float[] {-0.25f, -1f}, first.logprobs());
    assertEquals("c", answer.choices().get(2).text());
    assertNull(answer.choices().get(2).tokenIds());
    assertEquals(2, answer.choices().size());
    assertEquals(6, answer.cachedTokens());
    assertEquals(Map.of(0, 2, 2, 1), answer.lengths(10));
  }

  @Test
  void thinkingThatNeverClosedStaysOpen() {
    String body =
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"reasoning_content\":\"I wonder\"},"
            + "\"finish_reason\":\"length\"}]}";
    assertEquals("<think>\nI wonder", read(false, body, 1, false).answer().choices().get(0).text());
  }

  @Test
  void whatIsNoAnswerIsCalledSo() {
    for (String body : List.of("", "<html><p>Log in</p></html>", "{\"choices\":[{\"ind", "[1]", "null")) {
      BodyReader reader = read(false, body, 1, false);
      assertTrue(reader.answer().choices().isEmpty());
      assertTrue(reader.wrong() != null, body);
    }
    assertTrue(read(false, "<html><p>Log in</p></html>", 1, false).begin().equals("Log in"));
  }

  @Test
  void moreThanAnAnswerCanBeEndsIt() {
    BodyReader reader = new BodyReader(true, 1000);
    Pull pull = new Pull();
    reader.onSubscribe(pull);
    byte[] event =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"on\"}}]}\n\n".getBytes(StandardCharsets.UTF_8);
    for (int i = 0; !pull.cancelled; i++) {
      assertTrue(i < 1000, "never ended");
      reader.onNext(List.of(ByteBuffer.wrap(event)));
    }
    assertTrue(reader.getBody().toCompletableFuture().isDone());
    assertTrue(reader.wrong().contains("longer than 1000 bytes"), reader.wrong());
  }
}
