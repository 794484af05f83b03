// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * A server of OpenAI's protocol that misbehaves on purpose, over plain sockets. What it answers depends on the prompt
 * and the request's seed alone; which requests it spoils, on its own seed. The same request is spoilt a few times in a
 * row at most, so that patience is rewarded.
 */
final class FaultServer implements AutoCloseable {
  /** Ways to misbehave. */
  enum Fault {
    LATE, RESET_AT_ONCE, RESET_IN_BODY, BUSY, BUSY_SECONDS, BUSY_DATE, OVERLOADED, ERROR, BAD_GATEWAY, TRUNCATED, SLOW,
    WRONG_TYPE, EMPTY, HALF, DOUBLED, NO_CHOICES, ERROR_IN_BODY, NO_END, ENDLESS, HUGE
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_IN_A_ROW = 3;
  /** A prompt with this word is longer than the server's context, and one with that against its policy. */
  static final String TOO_LONG = "too-long-for-me";
  static final String FORBIDDEN = "forbidden-word";
  /** A prompt with this word fails whenever it is asked. */
  static final String CURSED = "cursed-word";

  private final ServerSocket socket;
  private final Random random;
  private final double share;
  private final List<Fault> faults;
  private final Map<String, Integer> inARow = new HashMap<>();
  private final Map<Fault, Integer> done = new EnumMap<>(Fault.class);
  private final Set<String> keys = new HashSet<>();
  private final List<JsonNode> bodies = new ArrayList<>();
  private final Set<Socket> connections = new HashSet<>();
  private int open;
  private int mostOpen;
  private int answered;
  private volatile int capacity = Integer.MAX_VALUE;
  private volatile String wantedKey;
  private volatile int holdMillis;
  private volatile String thinking;

  /**
   * Starts it on a port of the loopback.
   *
   * @param share of the requests that are spoilt
   */
  FaultServer(long seed, double share, Set<Fault> faults) throws IOException {
    this.random = new Random(seed);
    this.share = share;
    this.faults = List.copyOf(faults);
    this.socket = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
    daemon(this::accept);
  }

  static FaultServer healthy() throws IOException {
    return new FaultServer(0, 0, EnumSet.noneOf(Fault.class));
  }

  /** What stands behind a model's name. */
  String url() {
    return "http://127.0.0.1:" + socket.getLocalPort() + "/v1";
  }

  /** Requests beyond so many at once are refused with 429. */
  FaultServer holding(int most, int millis) {
    capacity = most;
    holdMillis = millis;
    return this;
  }

  /** Only requests with this key are answered; the refusal repeats the key that came, as careless servers do. */
  FaultServer asking(String key) {
    wantedKey = key;
    return this;
  }

  /** Answers have this as their reasoning, beside the content. */
  FaultServer thinking(String text) {
    thinking = text;
    return this;
  }

  synchronized Map<Fault, Integer> done() {
    return new EnumMap<>(done);
  }

  synchronized int answered() {
    return answered;
  }

  synchronized int mostOpen() {
    return mostOpen;
  }

  synchronized int openNow() {
    return open;
  }

  synchronized Set<String> keys() {
    return Set.copyOf(keys);
  }

  /** The requests that came, as JSON. */
  synchronized List<JsonNode> bodies() {
    return List.copyOf(bodies);
  }

  private static void daemon(Runnable work) {
    Thread thread = new Thread(work, "fault-server");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    try {
      while (true) {
        Socket connection = socket.accept();
        connection.setTcpNoDelay(true);
        synchronized (this) {
          connections.add(connection);
        }
        daemon(() -> serve(connection));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void serve(Socket connection) {
    try (connection) {
      InputStream in = new BufferedInputStream(connection.getInputStream());
      for (Request request = Request.read(in); request != null; request = Request.read(in)) {
        synchronized (this) {
          mostOpen = Math.max(mostOpen, ++open);
        }
        try {
          answer(connection, request);
        } finally {
          synchronized (this) {
            open--;
          }
        }
      }
    } catch (IOException | InterruptedException e) {
      // The client went away, or was sent away.
    } finally {
      synchronized (this) {
        connections.remove(connection);
      }
    }
  }

  private record Request(String path, Map<String, String> headers, String body) {
    static Request read(InputStream in) throws IOException {
      String first = line(in);
      if (first == null || first.isEmpty()) {
        return null;
      }
      Map<String, String> headers = new HashMap<>();
      for (String line = line(in); line != null && !line.isEmpty(); line = line(in)) {
        int colon = line.indexOf(':');
        headers.put(line.substring(0, colon).toLowerCase(), line.substring(colon + 1).strip());
      }
      byte[] body = in.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
      return new Request(first.split(" ")[1], headers, new String(body, StandardCharsets.UTF_8));
    }

    private static String line(InputStream in) throws IOException {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) {
          return null;
        }
        if (b != '\r') {
          line.write(b);
        }
      }
      return line.toString(StandardCharsets.UTF_8);
    }
  }

  private void answer(Socket connection, Request request) throws IOException, InterruptedException {
    OutputStream out = connection.getOutputStream();
    String authorization = request.headers().getOrDefault("authorization", "");
    synchronized (this) {
      keys.add(authorization);
    }
    if (wantedKey != null && !authorization.equals("Bearer " + wantedKey)) {
      respond(out, "401 Unauthorized", "application/json", error("Incorrect API key provided: " + authorization));
      return;
    }
    if (request.path().endsWith("/models")) {
      respond(out, "200 OK", "application/json", "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"owned_by\":\"me\"}]}");
      return;
    }
    JsonNode body = JSON.readTree(request.body());
    String prompt = body.has("prompt") ? body.get("prompt").asText() : body.get("messages").toString();
    Fault fault = fault(prompt + "#" + body.path("seed"), body);
    synchronized (this) {
      bodies.add(body);
      if (open > capacity) {
        fault = Fault.BUSY;
        done.merge(fault, 1, Integer::sum);
      }
    }
    if (prompt.contains(TOO_LONG)) {
      respond(
          out, "400 Bad Request", "application/json",
          error("This model's maximum context length is 64 tokens. " + authorization));
    } else if (prompt.contains(FORBIDDEN)) {
      respond(out, "400 Bad Request", "application/json", error("flagged by our content policy"));
    } else if (prompt.contains(CURSED)) {
      respond(out, "500 Internal Server Error", "application/json", error("cursed"));
    } else {
      Thread.sleep(holdMillis);
      spoil(connection, out, body, fault);
    }
  }

  private synchronized Fault fault(String request, JsonNode body) {
    boolean spoilt = random.nextDouble() < share && inARow.getOrDefault(request, 0) < MOST_IN_A_ROW;
    if (!spoilt) {
      inARow.remove(request);
      return null;
    }
    Fault fault = faults.get(random.nextInt(faults.size()));
    inARow.merge(request, 1, Integer::sum);
    done.merge(fault, 1, Integer::sum);
    return fault;
  }

  private void spoil(Socket connection, OutputStream out, JsonNode body, Fault fault)
      throws IOException, InterruptedException {
    boolean stream = body.path("stream").asBoolean();
    String good = stream ? events(body, false) : whole(body, false);
    String type = stream ? "text/event-stream" : "application/json";
    int half = good.length() / 2;
    if (fault == null) {
      // Before it is sent: whoever has it may ask at once.
      synchronized (this) {
        answered++;
      }
      respond(out, "200 OK", type, good);
      return;
    }
    switch (fault) {
      case LATE -> {
        Thread.sleep(30);
        respond(out, "200 OK", type, good);
      }
      case RESET_AT_ONCE -> reset(connection);
      case RESET_IN_BODY -> {
        begin(out, "200 OK", type, good.length());
        out.write(good.substring(0, half).getBytes(StandardCharsets.UTF_8));
        out.flush();
        reset(connection);
      }
      case BUSY -> respond(out, "429 Too Many Requests", "application/json", error("slow down"));
      case BUSY_SECONDS ->
          respond(out, "429 Too Many Requests\r\nRetry-After: 0.05", "application/json", error("slow down"));
      case BUSY_DATE ->
          respond(
              out, "503 Service Unavailable\r\nRetry-After: "
                  + DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)),
              "text/plain", "later");
      case OVERLOADED -> respond(out, "503 Service Unavailable", "application/json", "{\"detail\":\"overloaded\"}");
      case ERROR -> respond(out, "500 Internal Server Error", "application/json", "{\"message\":\"oops\"}");
      case BAD_GATEWAY -> respond(out, "502 Bad Gateway", "text/html", "<html><h1>502</h1>nginx</html>");
      case TRUNCATED -> respond(out, "200 OK", type, good.substring(0, half));
      case SLOW -> {
        begin(out, "200 OK", type, good.length());
        byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < bytes.length; at += bytes.length / 8 + 1) {
          out.write(bytes, at, Math.min(bytes.length / 8 + 1, bytes.length - at));
          out.flush();
          Thread.sleep(2);
        }
      }
      case WRONG_TYPE -> respond(out, "200 OK", "text/html", "<html>Please log in</html>");
      case EMPTY -> respond(out, "200 OK", type, "");
      case HALF -> respond(out, "200 OK", "application/json", whole(body, true));
      case DOUBLED -> respond(out, "200 OK", "application/json", doubled(body));
      case NO_CHOICES -> respond(out, "200 OK", "application/json", "{\"choices\":[],\"usage\":null}");
      case ERROR_IN_BODY -> respond(out, "200 OK", type, stream ? events(body, true) : error("worker died"));
      case NO_END -> {
        // A stream that breaks off between two events, with nothing to say that it is not over.
        respond(out, "200 OK", type, stream ? good.substring(0, good.indexOf("\"finish_reason\":\"")) : "{");
      }
      case ENDLESS -> endless(out);
      case HUGE -> {
        begin(out, "200 OK", "application/json", Integer.MAX_VALUE);
        byte[] blanks = " ".repeat(1 << 16).getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < Integer.MAX_VALUE >> 16; i++) {
          out.write(blanks);
        }
      }
    }
  }

  private static void endless(OutputStream out) throws IOException {
    begin(out, "200 OK", "text/event-stream", Integer.MAX_VALUE);
    byte[] event =
        (": ping\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + "on ".repeat(500) + "\"}}]}\n\n")
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < Integer.MAX_VALUE / event.length; i++) {
      out.write(event);
    }
  }

  /** Closes a connection so that the other side sees a reset. */
  private static void reset(Socket connection) throws IOException {
    connection.setSoLinger(true, 0);
    connection.close();
    throw new SocketException("reset");
  }

  private static String error(String message) {
    return "{\"error\":{\"message\":" + JSON.getNodeFactory().textNode(message)
        + ",\"type\":\"invalid_request_error\"}}";
  }

  private static void respond(OutputStream out, String status, String type, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    begin(out, status, type, bytes.length);
    out.write(bytes);
    out.flush();
  }

  private static void begin(OutputStream out, String status, String type, int length) throws IOException {
    out.write(
        ("HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + length + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
  }

  /** A text of some words that the prompt, the seed and the choice's number decide. */
  private static List<String> words(JsonNode body, int choice) {
    String prompt = body.has("prompt") ? body.get("prompt").asText() : body.get("messages").toString();
    Random own = new Random(31L * (prompt + "#" + body.path("seed")).hashCode() + choice);
    List<String> words = new ArrayList<>();
    int length = 3 + own.nextInt(12);
    for (int i = 0; i < Math.min(length, body.path("max_tokens").asInt()); i++) {
      words.add((i == 0 ? "" : " ") + (char) ('a' + own.nextInt(26)) + own.nextInt(100));
    }
    return words;
  }

  private static boolean cut(JsonNode body, int choice) {
    return words(body, choice).size() == body.path("max_tokens").asInt();
  }

  private static String text(JsonNode body, int choice) {
    return stopped(String.join("", words(body, choice)), body);
  }

  private static String stopped(String text, JsonNode body) {
    for (JsonNode stop : body.path("stop")) {
      int at = text.indexOf(stop.asText());
      if (at >= 0) {
        return text.substring(0, at);
      }
    }
    return text;
  }

  private static int samples(JsonNode body) {
    return body.path("n").asInt(1);
  }

  private static String usage(JsonNode body) {
    int completion = 0;
    for (int i = 0; i < samples(body); i++) {
      completion += words(body, i).size();
    }
    return "\"usage\":{\"prompt_tokens\":17,\"completion_tokens\":" + completion
        + ",\"prompt_tokens_details\":{\"cached_tokens\":5}}";
  }

  private String choice(JsonNode body, int i) {
    boolean chat = body.has("messages");
    String text = JSON.getNodeFactory().textNode(text(body, i)).toString();
    String reasoning =
        thinking == null ? "" : ",\"reasoning_content\":" + JSON.getNodeFactory().textNode(thinking);
    StringBuilder logprobs = new StringBuilder();
    if (chat && body.path("logprobs").asBoolean()) {
      words(body, i).forEach(
          word -> logprobs.append(logprobs.isEmpty() ? "" : ",").append("{\"token\":\"x\",\"logprob\":-0.5}"));
    }
    return "{\"index\":" + i + ",\"finish_reason\":\"" + (cut(body, i) ? "length" : "stop") + "\","
        + (logprobs.isEmpty() ? "" : "\"logprobs\":{\"content\":[" + logprobs + "]},")
        + (chat ? "\"message\":{\"role\":\"assistant\",\"content\":" + text + reasoning + "}" : "\"text\":" + text)
        + "}";
  }

  /** @param half whether choices are left out: all but the first of several, the only one of one */
  private String whole(JsonNode body, boolean half) {
    List<String> choices = new ArrayList<>();
    for (int i = 0; i < samples(body); i++) {
      if (!half || i == 0 && samples(body) > 1) {
        choices.add(choice(body, i));
      }
    }
    return "{\"object\":\"chat.completion\",\"choices\":[" + String.join(",", choices) + "]," + usage(body) + "}";
  }

  private String doubled(JsonNode body) {
    String whole = whole(body, false);
    return whole.replaceFirst("\"choices\":\\[", "\"choices\":[" + java.util.regex.Matcher.quoteReplacement(
        choice(body, 0)) + ",");
  }

  private String events(JsonNode body, boolean broken) {
    boolean chat = body.has("messages");
    StringBuilder out = new StringBuilder(": hello\n\n");
    for (int i = 0; i < samples(body); i++) {
      if (thinking != null && chat) {
        event(out, i, "\"delta\":{\"reasoning_content\":" + JSON.getNodeFactory().textNode(thinking) + "}", null);
      }
      String text = text(body, i);
      for (int at = 0; at < text.length(); at += 4) {
        String piece =
            JSON.getNodeFactory().textNode(text.substring(at, Math.min(text.length(), at + 4))).toString();
        event(out, i, chat ? "\"delta\":{\"content\":" + piece + "}" : "\"text\":" + piece, null);
      }
      if (chat && body.path("logprobs").asBoolean()) {
        words(body, i);
        for (int w = 0; w < words(body, i).size(); w++) {
          out.append("data: {\"choices\":[{\"index\":").append(i)
              .append(",\"delta\":{},\"logprobs\":{\"content\":[{\"token\":\"x\",\"logprob\":-0.5}]}}]}\n\n");
        }
      }
      if (broken) {
        return out.append("data: ").append(error("worker died")).append("\n\n").toString();
      }
      event(out, i, chat ? "\"delta\":{}" : "\"text\":\"\"", cut(body, i) ? "length" : "stop");
    }
    out.append("data: {\"choices\":[],").append(usage(body)).append("}\r\n\r\n");
    return out.append("data: [DONE]\n\n").toString();
  }

  private static void event(StringBuilder out, int index, String what, String finish) {
    out.append("data: {\"choices\":[{\"index\":").append(index).append(',').append(what).append(",\"finish_reason\":")
        .append(finish == null ? "null" : "\"" + finish + "\"").append("}]}\n\n");
  }

  @Override
  public void close() {
    try {
      socket.close();
      synchronized (this) {
        for (Socket connection : connections) {
          connection.close();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
