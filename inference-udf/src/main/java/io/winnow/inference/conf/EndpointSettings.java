// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import io.winnow.inference.EndpointSpec;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The settings of models behind servers, {@code --model NAME@https://host/v1}. */
public final class EndpointSettings {
  private static final String GROUP = "Endpoint";

  public static final Setting<String> MODEL_REVISION =
      Setting.ofString("model-revision").group(GROUP).label("TEXT").effect(Effect.MODEL)
          .check(text -> !text.isBlank() && text.indexOf('\n') < 0, "a name on one line")
          .doc("Which state of an endpoint's model answers, in your words: part of model_fingerprint and trace_id.");
  public static final Setting<String> API_KEY_ENV =
      Setting.ofString("api-key-env").group(GROUP).label("NAME").effect(Effect.TUNING)
          .check(name -> name.matches("[A-Za-z_][A-Za-z0-9_]*"), "the name of an environment variable, not the key")
          .doc("Environment variable of the executors (in local mode of this process) that holds the endpoint's API"
              + " key. Only its name is kept.");
  public static final Setting<String> API_KEY_FILE =
      Setting.ofString("api-key-file").group(GROUP).label("FILE").effect(Effect.TUNING)
          .doc("File that holds the endpoint's API key: a path on the executors, or the name of a file given by"
              + " --conf spark.files. Only its path is kept.");
  public static final Setting<String> API_KEY_HEADER =
      Setting.ofString("api-key-header").group(GROUP).label("NAME").effect(Effect.TUNING)
          .defaultValue("Authorization").check(
              EndpointSettings::isHeader, "the name of an HTTP header, and none that the connection sets itself")
          .doc("Header that carries the API key: Authorization as a bearer token, others, such as api-key, as it is.");
  public static final Setting<Boolean> API_KEY_PLAIN_HTTP =
      Setting.ofBoolean("api-key-over-http").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc("Sends the API key also over http to other hosts, readable to whoever is between.");
  public static final Setting<String> API =
      Setting.ofEnum("endpoint-api", "chat", "completions").group(GROUP).effect(Effect.TOKENS).defaultValue("chat")
          .neutralValue("chat")
          .doc("chat sends messages; completions sends text, rendered by --chat-template or else the bare contents.");
  public static final Setting<String> DIALECT =
      Setting.ofEnum("endpoint-dialect", "auto", "generic", "openai", "vllm", "sglang", "llamacpp").group(GROUP)
          .effect(Effect.TUNING).defaultValue("auto")
          .doc("Whose fields the server knows beside OpenAI's; auto asks it (/models) who it is.");
  public static final Setting<Boolean> STREAM =
      Setting.ofBoolean("endpoint-stream").group(GROUP).effect(Effect.TUNING).defaultValue(true)
          .doc("Takes answers as they are made: proxies do not cut long ones, and a dead server is soon noticed.");
  public static final Setting<Integer> SAMPLES =
      Setting.ofInt("endpoint-samples").group(GROUP).effect(Effect.TUNING).defaultValue(1)
          .check(n -> n >= 1 && n <= 1024, "from 1 to 1024")
          .doc("Samples of a prompt asked in one request (n), where the prompt is billed for each request; each request"
              + " has a seed of its own.");
  public static final Setting<String> CONCURRENCY =
      Setting.ofString("endpoint-concurrency").group(GROUP).label("LEAST-MOST").effect(Effect.TUNING)
          .defaultValue("1-256").check(text -> concurrency(text) != null, "a number such as 32, or two such as 4-512")
          .doc("Requests of an executor that are open at one address: adapted to the server between these, or fixed.");
  public static final Setting<Integer> ATTEMPTS =
      Setting.ofInt("endpoint-attempts").group(GROUP).effect(Effect.TUNING).defaultValue(8)
          .check(n -> n >= 1, "1 or more")
          .doc("Tries of a request that fails by itself before its row gets the error; waiting for a busy server is none.");
  public static final Setting<Duration> TIMEOUT =
      Setting.ofDuration("endpoint-timeout").group(GROUP).effect(Effect.TUNING).defaultValue(Duration.ofHours(1))
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 10m, 2h")
          .doc("Time of a whole answer at most.");
  public static final Setting<Duration> IDLE_TIMEOUT =
      Setting.ofDuration("endpoint-idle-timeout").group(GROUP).effect(Effect.TUNING)
          .defaultValue(Duration.ofMinutes(5)).check(d -> !d.isZero(), "a time above 0, in seconds or as 10m, 2h")
          .doc("Time between two pieces of an answer at most.");
  public static final Setting<Duration> PATIENCE =
      Setting.ofDuration("endpoint-patience").group(GROUP).effect(Effect.TUNING)
          .defaultValue(Duration.ofMinutes(10))
          .check(d -> d.compareTo(SidecarSettings.MOST_TIME) <= 0, "at most 30 days, in seconds or as 10m, 2h")
          .doc("How long servers may answer nothing at all before the job fails; what is missing is made by the next"
              + " run.");
  public static final Setting<String> HTTP_VERSION =
      Setting.ofEnum("endpoint-http", "auto", "1.1", "2").group(GROUP).effect(Effect.TUNING).defaultValue("auto")
          .doc("Version of HTTP; auto is 2 over https where the server can, else 1.1.");
  public static final Setting<List<String>> HEADER =
      Setting.ofList("endpoint-header").group(GROUP).label("NAME=VALUE").effect(Effect.TUNING)
          .check(
              EndpointSettings::areHeaders,
              "NAME=VALUE with the name of an HTTP header that carries no credentials and is none that the connection"
                  + " sets itself (Host, Connection, Content-Length, Expect, Transfer-Encoding, Upgrade)")
          .doc("A further header of each request; may be given several times. It is kept in runs, so never a key.");
  public static final Setting<String> EXTRA_BODY =
      Setting.ofJson("extra-body").group(GROUP).effect(Effect.TOKENS)
          .doc("JSON object of further fields of each request, or the file that holds it; a field that is null there is"
              + " left out of the request.");

  /** All of them. */
  public static final List<Setting<?>> ALL =
      List.of(
          MODEL_REVISION, API_KEY_ENV, API_KEY_FILE, API_KEY_HEADER, API_KEY_PLAIN_HTTP, API, DIALECT, STREAM, SAMPLES,
          CONCURRENCY, ATTEMPTS, TIMEOUT, IDLE_TIMEOUT, PATIENCE, HTTP_VERSION, HEADER, EXTRA_BODY);

  /** A name without '/' or '@' would still be one; what follows must look like an address or be the side-car. */
  private static final Pattern MODEL =
      Pattern.compile("(?<name>[^@]*(?:@[^@]*)*?)@(?<urls>(?i:https?://).*|" + EndpointSpec.SIDECAR + "?)");
  private static final Pattern BARE_URL = Pattern.compile("(?i)https?://.*");
  private static final Pattern RANGE = Pattern.compile("\\s*(\\d{1,5})\\s*(?:-\\s*(\\d{1,5})\\s*)?");
  private static final Pattern SECRET =
      Pattern.compile("(?i).*(authorization|api-?key|apikey|token|secret|password|cookie|credential).*");

  private EndpointSettings() {}

  /** Whether {@code --model} names a model behind servers. */
  public static boolean isEndpoint(String model) {
    return MODEL.matcher(model).matches() || BARE_URL.matcher(model).matches();
  }

  /** What the servers of such a model call it. */
  static String name(String model) {
    return parts(model).group("name");
  }

  /** What an executor opens of such a model. */
  public static EndpointSpec spec(SettingValues values, String model) {
    Matcher parts = parts(model);
    int[] bounds = concurrency(values.get(CONCURRENCY));
    EndpointSpec.Api api = EndpointSpec.Api.valueOf(values.get(API).toUpperCase(Locale.ROOT));
    return new EndpointSpec(
        parts.group("name"),
        values.find(MODEL_REVISION).orElse(null),
        urls(model, parts.group("urls")),
        api,
        values.get(DIALECT),
        new EndpointSpec.Key(
            values.find(API_KEY_ENV).orElse(null), values.find(API_KEY_FILE).orElse(null),
            values.get(API_KEY_HEADER), values.get(API_KEY_PLAIN_HTTP)),
        new EndpointSpec.Wire(
            values.get(STREAM), values.get(SAMPLES), values.get(HTTP_VERSION),
            SessionSettings.pairs(values.get(HEADER))),
        new EndpointSpec.Limits(
            bounds[0], bounds[1], values.get(ATTEMPTS), values.get(TIMEOUT), values.get(IDLE_TIMEOUT),
            values.get(PATIENCE)),
        values.find(EXTRA_BODY).orElse(null),
        values.content(GenerateSettings.CHAT_TEMPLATE).orElse(null),
        SessionSettings.pairs(values.get(GenerateSettings.TEMPLATE_ARG)));
  }

  /**
   * Refuses what an endpoint cannot be asked.
   *
   * @throws UsageException with the first thing that is wrong
   */
  static void check(SettingValues values, String model) {
    EndpointSpec spec = spec(values, model);
    SidecarSettings.check(values, spec);
    refuse(values, GenerateSettings.WEIGHTS, "the server holds the weights as it was told to");
    refuse(values, GenerateSettings.NUMERICS, "the server computes in its own way");
    refuse(values, GenerateSettings.KV_CACHE_TYPE, "the server holds keys and values as it was told to");
    refuse(values, GenerateSettings.GENERATION_CONFIG, "the model's folder lies with the server");
    refuse(values, GenerateSettings.PROMPT_LOGPROBS, "servers do not give them for chats");
    if (spec.api() == EndpointSpec.Api.CHAT && values.find(GenerateSettings.CHAT_TEMPLATE).isPresent()) {
      throw new UsageException(
          "Cannot use --chat-template for a chat endpoint, whose server renders the messages. Give it to the server, or"
              + " take --endpoint-api completions, for which it is rendered here.");
    }
    if (values.find(API_KEY_ENV).isPresent() && values.find(API_KEY_FILE).isPresent()) {
      throw new UsageException("Cannot use --api-key-env and --api-key-file together. Leave one out.");
    }
    if (spec.key().given() && !spec.key().plainHttp()) {
      for (String url : spec.urls()) {
        if (!url.startsWith("https:") && !isLoopback(URI.create(url).getHost())) {
          throw new UsageException(
              "Cannot send the API key to " + url + ": over http everybody between can read it. Give an https address,"
                  + " or --api-key-over-http true inside a network that you trust.");
        }
      }
    }
  }

  /** Refuses settings that would be in a trace's key and do nothing, because no model is behind an endpoint. */
  static void checkUnused(SettingValues values) {
    SidecarSettings.checkUnused(values);
    for (Setting<?> setting : List.of(MODEL_REVISION, EXTRA_BODY, API)) {
      refuse(values, setting, "--model names no endpoint (NAME@https://host/v1)");
    }
  }

  private static <T> void refuse(SettingValues values, Setting<T> setting, String why) {
    T value = values.find(setting).orElse(null);
    T idle = setting.neutralValue() != null ? setting.neutralValue() : setting.defaultValue();
    if (values.isGiven(setting) && !java.util.Objects.equals(value, idle)) {
      throw new UsageException("Cannot use " + setting + " here: " + why + ". Leave it out.");
    }
  }

  private static Matcher parts(String model) {
    Matcher parts = MODEL.matcher(model);
    if (!parts.matches() || parts.group("name").isBlank()) {
      throw new UsageException(
          "Cannot use --model '" + shown(model) + "': an endpoint's model needs the name that the server knows it by."
              + " Write NAME@https://host/v1.");
    }
    return parts;
  }

  private static List<String> urls(String model, String text) {
    if (EndpointSpec.SIDECAR.startsWith(text)) {
      return List.of();
    }
    List<String> urls = new ArrayList<>();
    for (String url : text.split(",", -1)) {
      String plain = url.strip().replaceAll("/+$", "").replaceAll("(/chat)?/completions$", "");
      String why = wrong(plain);
      if (why != null) {
        throw new UsageException(
            "Cannot use --model '" + shown(model) + "': " + why
                + ". Write NAME@https://host/v1, several addresses with commas between them.");
      }
      if (!urls.contains(plain)) {
        urls.add(plain);
      }
    }
    return urls;
  }

  private static String wrong(String url) {
    try {
      URI uri = new URI(url);
      if (!"http".equalsIgnoreCase(uri.getScheme()) && !"https".equalsIgnoreCase(uri.getScheme())) {
        return "an address is no http or https one";
      }
      if (uri.getHost() == null) {
        return "an address names no host";
      }
      if (uri.getUserInfo() != null) {
        return "an address holds a user or password, and addresses are kept in tables and logs; the key comes from"
            + " --api-key-env or --api-key-file";
      }
      return uri.getQuery() == null && uri.getFragment() == null
          ? null
          : "an address has a query or fragment, which may hold a key, and addresses are kept in tables and logs";
    } catch (URISyntaxException e) {
      return "an address cannot be read";
    }
  }

  /** The model without what may be a secret. */
  private static String shown(String model) {
    return model.replaceAll("//[^/@,]*@", "//…@").replaceAll("[?#][^,]*", "?…");
  }

  /** Whether a host is this one. */
  public static boolean isLoopback(String host) {
    return host.equalsIgnoreCase("localhost") || host.matches("127(\\.\\d{1,3}){3}") || host.equals("[::1]");
  }

  private static int[] concurrency(String text) {
    Matcher range = RANGE.matcher(text);
    if (!range.matches()) {
      return null;
    }
    int least = Integer.parseInt(range.group(1));
    int most = range.group(2) == null ? least : Integer.parseInt(range.group(2));
    return least >= 1 && least <= most ? new int[] {least, most} : null;
  }

  private static boolean isToken(String name) {
    return name.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]+");
  }

  /** The JDK's client refuses those that are its own, or frames requests otherwise than they say. */
  private static boolean isHeader(String name) {
    return isToken(name)
        && !name.matches("(?i)host|connection|content-length|expect|transfer-encoding|upgrade");
  }

  private static boolean areHeaders(List<String> texts) {
    if (!SessionSettings.arePairs(texts)) {
      return false;
    }
    Map<String, String> headers = new LinkedHashMap<>(SessionSettings.pairs(texts));
    return headers.entrySet().stream().allMatch(
        header ->
            isHeader(header.getKey()) && !SECRET.matcher(header.getKey()).matches()
                && header.getValue().chars().allMatch(c -> c >= ' ' && c < 127));
  }
}
