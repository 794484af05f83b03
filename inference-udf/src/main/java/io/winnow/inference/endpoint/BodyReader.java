// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/**
 * Reads a response: JSON in one piece, or server-sent events (WHATWG HTML, 9.2), each of whose data is JSON. What came
 * before a connection broke is kept. More bytes than an answer can have end it. An HTTP thread writes; whoever has seen
 * its end reads.
 */
final class BodyReader implements HttpResponse.BodySubscriber<BodyReader> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DONE = "[DONE]";

  private final CompletableFuture<BodyReader> whole = new CompletableFuture<>();
  private final Answer answer = new Answer();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final StringBuilder data = new StringBuilder();
  private final boolean events;
  private final long mostBytes;
  private Flow.Subscription subscription;
  private long bytes;
  private boolean carriage;
  private boolean begun;
  private boolean over;
  /** Whether somebody has the answer, who must not see it change. */
  private boolean read;
  private String wrong;
  private JsonNode json;
  private volatile long lastNanos = System.nanoTime();
  private volatile int pieces;

  /**
   * @param events whether the response says that it is a stream of events
   * @param mostBytes of the whole response
   */
  BodyReader(boolean events, long mostBytes) {
    this.events = events;
    this.mostBytes = mostBytes;
  }

  @Override
  public CompletionStage<BodyReader> getBody() {
    return whole;
  }

  @Override
  public void onSubscribe(Flow.Subscription newSubscription) {
    subscription = newSubscription;
    subscription.request(1);
  }

  @Override
  public synchronized void onNext(List<ByteBuffer> buffers) {
    if (read) {
      subscription.cancel(); // of a request that was given up
      return;
    }
    lastNanos = System.nanoTime();
    for (ByteBuffer buffer : buffers) {
      bytes += buffer.remaining();
      if (bytes > mostBytes) {
        wrong = "it is longer than " + mostBytes + " bytes, which no answer of so many tokens is";
        line.reset();
        subscription.cancel();
        whole.complete(this);
        return;
      }
      byte[] copy = new byte[buffer.remaining()];
      buffer.get(copy);
      if (events) {
        feed(copy);
      } else {
        line.writeBytes(copy);
      }
    }
    subscription.request(1);
  }

  /** Lines end with a line feed, a carriage return, or both. */
  private void feed(byte[] more) {
    for (byte b : more) {
      boolean second = carriage && b == '\n';
      carriage = b == '\r';
      if (b == '\n' || b == '\r') {
        if (!second) {
          endLine();
        }
      } else {
        line.write(b);
      }
    }
  }

  private void endLine() {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    if (!begun && text.startsWith("\ufeff")) {
      text = text.substring(1);
    }
    begun = true;
    if (text.isEmpty()) {
      endEvent();
    } else if (text.startsWith("data:")) {
      if (data.length() > 0) {
        data.append('\n');
      }
      data.append(text, text.startsWith("data: ") ? 6 : 5, text.length());
    }
  }

  private void endEvent() {
    String event = data.toString();
    data.setLength(0);
    if (event.strip().equals(DONE)) {
      over = true;
      answer.over();
    } else if (!event.isBlank() && !over) {
      try {
        answer.take(JSON.readTree(event), true);
        pieces = answer.pieces();
      } catch (JsonProcessingException e) {
        wrong = "an event of the stream is not JSON";
        answer.tear();
      }
    }
  }

  @Override
  public synchronized void onError(Throwable failure) {
    wrong = wrong == null ? "the connection broke in the middle of it" : wrong;
    whole.complete(this);
  }

  @Override
  public synchronized void onComplete() {
    if (events && !read) {
      endLine();
      endEvent();
    }
    whole.complete(this);
  }

  /** The body as JSON where it is no stream, null if it is none; reads it once. */
  synchronized JsonNode json() {
    if (json == null && !events && line.size() > 0) {
      try {
        json = JSON.readTree(line.toByteArray());
        if (json != null && json.isMissingNode()) {
          json = null;
        }
      } catch (java.io.IOException e) {
        json = null;
      }
    }
    return json;
  }

  /** What has come of the answer so far; nothing is added to it from now on. */
  synchronized Answer answer() {
    read = true;
    if (!events && wrong == null && answer.choices().isEmpty()) {
      JsonNode body = json();
      if (body == null || !body.isObject()) {
        wrong = line.size() == 0 ? "it is empty" : "it is not JSON, or the beginning of it: " + begin();
      } else {
        answer.take(body, false);
        answer.over();
      }
    }
    return answer;
  }

  /** What is wrong with the body; null for nothing. */
  synchronized String wrong() {
    return wrong;
  }

  /** How it begins, for messages about bodies that nobody can read. */
  synchronized String begin() {
    String text = new String(line.toByteArray(), 0, Math.min(line.size(), 2000), StandardCharsets.UTF_8);
    return text.replaceAll("(?s)<(style|script).*?</\\1>", " ").replaceAll("<[^>]{0,200}>", " ").strip();
  }

  /** Pieces of a streamed answer that have come; 0 before its first word. */
  int pieces() {
    return pieces;
  }

  /** When the last bytes came. */
  long lastNanos() {
    return lastNanos;
  }
}
