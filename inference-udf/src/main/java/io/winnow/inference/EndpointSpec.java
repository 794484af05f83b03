// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A model behind servers that speak OpenAI's protocol. It names where a key lies and never holds one, because specs
 * travel in plans and task descriptions.
 *
 * @param name what the servers call the model; the model of tables and prices
 * @param revision what {@code --model-revision} says of it, or null
 * @param urls base addresses, to which {@code /chat/completions} is added; empty for the server that runs beside each
 *     executor ({@link #SIDECAR})
 * @param api what is asked
 * @param dialect whose fields are understood beside OpenAI's: auto, generic, openai, vllm, sglang or llamacpp
 * @param key where the API key lies
 * @param wire how requests travel
 * @param limits bounds of time, attempts and concurrency
 * @param extraBody JSON object of further fields of each request, null for none; a field that is null there is left out
 * @param chatTemplate Jinja text that renders conversations for {@link Api#COMPLETIONS}, or null
 * @param templateArgs variables for the server's chat template
 */
public record EndpointSpec(
    String name,
    String revision,
    List<String> urls,
    Api api,
    String dialect,
    Key key,
    Wire wire,
    Limits limits,
    String extraBody,
    String chatTemplate,
    Map<String, String> templateArgs)
    implements RuntimeSpec {

  /** What stands behind the name where an executor has a server of its own: {@code NAME@sidecar:}. */
  public static final String SIDECAR = "sidecar:";

  /** Endpoints promise no order of arithmetic. */
  public static final String NUMERICS = "server";

  /** What is asked of a server. */
  public enum Api {
    /** Messages, which the server renders by its chat template. */
    CHAT("/chat/completions"),
    /** A text to go on from. */
    COMPLETIONS("/completions");

    private final String path;

    Api(String path) {
      this.path = path;
    }

    /** What is added to a base address. */
    public String path() {
      return path;
    }

    /** The name in settings. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Where the API key lies, on whichever host asks.
   *
   * @param env name of an environment variable, or null
   * @param file path of a file, or null
   * @param header which header carries it; behind {@code Authorization} it is a bearer token
   * @param plainHttp whether it may go over http to another host
   */
  public record Key(String env, String file, String header, boolean plainHttp) implements Serializable {
    public static final Key NONE = new Key(null, null, "Authorization", false);

    /** Whether there is one to be read. */
    public boolean given() {
      return env != null || file != null;
    }
  }

  /**
   * How requests travel.
   *
   * @param stream whether answers come token by token
   * @param samples samples of one prompt asked in one request ({@code n})
   * @param httpVersion auto, 1.1 or 2
   * @param headers further headers
   */
  public record Wire(boolean stream, int samples, String httpVersion, Map<String, String> headers)
      implements Serializable {
    public static final Wire PLAIN = new Wire(true, 1, "auto", Map.of());

    public Wire {
      headers = new TreeMap<>(headers);
    }
  }

  /**
   * Bounds.
   *
   * @param leastConcurrency requests that may be open at each address in any case, 1 or more
   * @param mostConcurrency requests that are open at each address at most
   * @param attempts tries of a request that fails for reasons of its own
   * @param timeout of a whole answer
   * @param idle without a byte of an answer that has begun to come
   * @param patience with servers of which none answers anything
   */
  public record Limits(
      int leastConcurrency, int mostConcurrency, int attempts, Duration timeout, Duration idle, Duration patience)
      implements Serializable {
    public static final Limits DEFAULT =
        new Limits(1, 256, 8, Duration.ofHours(1), Duration.ofMinutes(5), Duration.ofMinutes(10));
  }

  public EndpointSpec {
    urls = List.copyOf(urls);
    templateArgs = new TreeMap<>(templateArgs);
  }

  /** A chat model at these addresses, with defaults for all else. */
  public static EndpointSpec of(String name, List<String> urls) {
    return new EndpointSpec(
        name, null, urls, Api.CHAT, "auto", Key.NONE, Wire.PLAIN, Limits.DEFAULT, null, null, Map.of());
  }

  /** The same model at other addresses. */
  public EndpointSpec at(List<String> newUrls) {
    return new EndpointSpec(
        name, revision, newUrls, api, dialect, key, wire, limits, extraBody, chatTemplate, templateArgs);
  }

  /** The same model, asked otherwise. */
  public EndpointSpec with(Api newApi, Wire newWire, Limits newLimits) {
    return new EndpointSpec(
        name, revision, urls, newApi, dialect, key, newWire, newLimits, extraBody, chatTemplate, templateArgs);
  }

  /** The same model with a key. */
  public EndpointSpec withKey(Key newKey) {
    return new EndpointSpec(
        name, revision, urls, api, dialect, newKey, wire, limits, extraBody, chatTemplate, templateArgs);
  }

  /** The same model in another dialect, with further fields. */
  public EndpointSpec withFields(String newDialect, String newExtraBody) {
    return new EndpointSpec(
        name, revision, urls, api, newDialect, key, wire, limits, newExtraBody, chatTemplate, templateArgs);
  }

  /** Whether each executor has a server of its own. */
  public boolean sidecar() {
    return urls.isEmpty();
  }

  /** Name and revision; never an address, because the same model answers at many. */
  public String fingerprint() {
    return revision == null ? name : name + "@" + revision;
  }

  @Override
  public String model() {
    return name;
  }

  @Override
  public String numericsVersion() {
    return NUMERICS;
  }

  @Override
  public boolean reproducible() {
    return false;
  }

  @Override
  public boolean takesTokens() {
    return false;
  }
}
