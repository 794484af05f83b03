// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.net.http.HttpHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What failures mean, how long is waited, where requests go, and what becomes of keys. */
class RefusalTest {
  @TempDir Path folder;

  private static Refusal of(int status, String words) {
    return Refusal.ofStatus(status, words, -1);
  }

  @Test
  void statusesSayWhoseFaultItIs() {
    assertEquals(Refusal.Scope.LOAD, of(429, "slow down").scope());
    assertEquals(Refusal.Scope.LOAD, of(503, "").scope());
    assertEquals(Refusal.Scope.JOB, of(429, "You exceeded your current quota (insufficient_quota)").scope());
    assertEquals(Refusal.Scope.JOB, of(402, "Insufficient Balance").scope());
    for (int status : new int[] {500, 502, 504, 408}) {
      assertEquals(Refusal.Scope.TRY, of(status, "").scope(), "" + status);
    }
    for (int status : new int[] {301, 401, 403, 404, 405}) {
      assertEquals(Refusal.Scope.JOB_AT_FIRST, of(status, "").scope(), "" + status);
    }
  }

  /** The words of vLLM, OpenAI, llama.cpp, Azure, DeepSeek and OpenRouter. */
  @Test
  void wordsSayWhatIsWrongWithAPrompt() {
    List<String> tooLong =
        List.of(
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
            "(context_length_exceeded)", "the request exceeds the available context size, try increasing it",
            "The input (9000 tokens) is longer than the model's context length (8192 tokens).");
    for (String words : tooLong) {
      assertEquals(InferenceErrors.PROMPT_TOO_LONG, of(400, words).errorClass(), words);
    }
    List<String> policy =
        List.of(
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy",
            "Content Exists Risk", "Your chosen model requires moderation and your input was flagged");
    for (String words : policy) {
      int status = words.contains("chosen") ? 403 : 400;
      assertEquals(InferenceErrors.CONTENT_REFUSED, of(status, words).errorClass(), words);
    }
    assertEquals(InferenceErrors.REQUEST_REFUSED, of(400, "unknown field foo").errorClass());
    assertEquals(Refusal.Scope.ROW, of(422, "unknown field foo").scope());
  }

  @Test
  void wordsAreFoundInBodiesOfAllKinds() throws IOException {
    Map<String, String> bodies =
        Map.of(
            "{\"error\":{\"message\":\"no\",\"type\":\"bad\",\"code\":null}}", "no (bad)",
            "{\"object\":\"error\",\"message\":\"no\",\"code\":400}", "no",
            "{\"detail\":\"Not Found\"}", "Not Found",
            "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"bad\"}]}", "[{\"loc\":[\"body\"],\"msg\":\"bad\"}]",
            "{\"error\":\"no\"}", "no", "{}", "");
    for (Map.Entry<String, String> body : bodies.entrySet()) {
      assertEquals(body.getValue(), Refusal.wordsOf(new ObjectMapper().readTree(body.getKey())), body.getKey());
    }
  }

  private static long asked(String name, String value) {
    HttpHeaders headers = HttpHeaders.of(Map.of(name, List.of(value)), (n, v) -> true);
    return Backoff.asked(headers, Instant.parse("2026-01-01T00:00:00Z"));
  }

  @Test
  void retryAfterIsReadInAllItsForms() {
    assertEquals(3_000_000_000L, asked("Retry-After", "3"));
    assertEquals(500_000_000L, asked("retry-after", "0.5"));
    assertEquals(250_000_000L, asked("retry-after-ms", "250"));
    assertEquals(60_000_000_000L, asked("Retry-After", "Thu, 1 Jan 2026 00:01:00 GMT"));
    assertEquals(0, asked("Retry-After", "Wed, 31 Dec 2025 00:01:00 GMT"));
    for (String text : List.of("soon", "-3", "NaN", "1e300", "")) {
      assertEquals(-1, asked("Retry-After", text), text);
    }
    assertEquals(-1, asked("other", "3"));
  }

  @Test
  void waitsDoubleAreSpreadAndEnd() {
    Backoff backoff = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60), new Random(1));
    for (int failures = 1; failures < 40; failures++) {
      long whole = Math.min(60_000_000_000L, 1_000_000_000L << Math.min(16, failures - 1));
      for (int i = 0; i < 20; i++) {
        long wait = backoff.after(failures);
        assertTrue(wait >= whole / 2 && wait <= whole, failures + ": " + wait);
      }
    }
  }

  @Test
  void likePromptsGoToOneServerAndTheLoadIsShared() {
    EndpointSpec spec = EndpointSpec.of("m", List.of("http://a/v1", "http://b/v1", "http://c/v1"));
    Addresses addresses = new Addresses(spec, new Random(1));
    Address first = addresses.pick(42, 0);
    for (int i = 0; i < 10; i++) {
      assertEquals(first, addresses.pick(42, 0));
    }
    List<Address> picked = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      Address address = addresses.pick(42, 0);
      address.open++;
      picked.add(address);
    }
    assertEquals(null, addresses.pick(42, 0), "all are full");
    for (Address address : addresses.all()) {
      assertEquals(8, address.open);
    }
    // A server that fails rests, gets one request to show that it lives, and then all.
    addresses.all().forEach(address -> address.open = 0);
    Backoff backoff = new Backoff(Duration.ofNanos(100), Duration.ofNanos(100), new Random(1));
    first.failed(true, 1, backoff);
    assertFalse(first.usable(2));
    assertTrue(addresses.pick(42, 2) != first);
    assertEquals(first, addresses.pick(42, 200));
    first.open = 1;
    assertTrue(addresses.pick(42, 200) != first);
    first.open = 0;
    first.lives();
    assertEquals(first, addresses.pick(42, 200));
  }

  @Test
  void anAnswerToWhatWasSentBeforeEndsNoRestThatAServerAsksFor() {
    EndpointSpec spec = EndpointSpec.of("m", List.of("http://a/v1"));
    Address only = new Addresses(spec, new Random(1)).all().get(0);
    only.rests(1000);
    only.lives();
    assertFalse(only.usable(999), "asked again before the time that it named");
    assertTrue(only.usable(1000));
  }

  @Test
  void keysAreReadAndNeverShown() throws IOException {
    EndpointSpec.Key env = new EndpointSpec.Key("NAME", null, "Authorization", false);
    ApiKey key = ApiKey.read(env, name -> name.equals("NAME") ? " sk-secret-1\n" : null, Path::of);
    assertEquals("it was [api key], [api key]!", key.redact("it was sk-secret-1, sk-secret-1!"));
    assertFalse(key.toString().contains("secret"));
    Path file = Files.writeString(folder.resolve("key"), "sk-secret-2\r\n");
    ApiKey ofFile = ApiKey.read(new EndpointSpec.Key(null, file.toString(), "api-key", false), name -> null, Path::of);
    assertEquals("[api key]", ofFile.redact("sk-secret-2"));
    Files.writeString(file, "sk-secret-3 and more");
    for (EndpointSpec.Key bad : List.of(env, new EndpointSpec.Key(null, file.toString(), "api-key", false),
        new EndpointSpec.Key(null, folder.resolve("none").toString(), "api-key", false))) {
      InferenceException e =
          assertThrows(InferenceException.class, () -> ApiKey.read(bad, name -> null, Path::of));
      assertEquals(InferenceErrors.ENDPOINT_KEY, e.errorClass());
      assertFalse(e.getMessage().contains("secret"), e::getMessage);
    }
    assertEquals("any", ApiKey.NONE.redact("any"));
  }
}
