// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceErrors;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/** An API key, which leaves this object in requests alone. Not serializable, and shown by no method. */
public final class ApiKey {
  /** No key at all. */
  public static final ApiKey NONE = new ApiKey(null, null);

  private static final long MOST_BYTES = 64 << 10;
  private static final String SHOWN = "[api key]";
  /** A shorter text may stand in a message by chance. */
  private static final int LEAST_REDACTED = 6;

  private final String header;
  private final String key;

  private ApiKey(String header, String key) {
    this.header = header;
    this.key = key;
  }

  /**
   * Reads the key on this host.
   *
   * @param env looks up an environment variable, null when it is not set
   * @param file finds the file of a path
   * @throws io.winnow.inference.InferenceException endpoint_key, when there is none or no header can carry it; the
   *     message never holds any of it
   */
  public static ApiKey read(EndpointSpec.Key where, Function<String, String> env, Function<String, Path> file) {
    if (where.env() != null) {
      String value = env.apply(where.env());
      if (value == null || value.isBlank()) {
        throw InferenceErrors.apiKey(
            "the environment variable " + where.env() + " (--api-key-env) is not set on this host",
            "Export it where the executors start, or take --api-key-file");
      }
      return of(where.header(), value, "the environment variable " + where.env());
    }
    return where.file() == null ? NONE : ofFile(where, file.apply(where.file()));
  }

  private static ApiKey ofFile(EndpointSpec.Key where, Path file) {
    String why = "cannot be read on this host";
    try {
      if (Files.size(file) <= MOST_BYTES) {
        String value = Files.readString(file);
        if (!value.isBlank()) {
          return of(where.header(), value, "the file " + where.file());
        }
        why = "is empty";
      } else {
        why = "is too large for a key";
      }
    } catch (IOException e) {
      // What the system says may be about the content; the path is enough.
    }
    throw InferenceErrors.apiKey(
        "the file " + where.file() + " (--api-key-file) " + why,
        "Put it on every host, or hand it to the executors by --conf spark.files=PATH");
  }

  static ApiKey of(String header, String value, String place) {
    String key = value.strip();
    if (!key.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw InferenceErrors.apiKey(
          "what " + place + " holds is no key: it has blanks or other characters that no header can carry",
          "Put the key there and nothing else");
    }
    return new ApiKey(header, key);
  }

  /** Puts the key on a request. */
  void put(HttpRequest.Builder request) {
    if (key != null) {
      request.setHeader(header, header.equalsIgnoreCase("Authorization") ? "Bearer " + key : key);
    }
  }

  /** A text without the key. */
  String redact(String text) {
    return key == null || text == null || key.length() < LEAST_REDACTED ? text : text.replace(key, SHOWN);
  }

  @Override
  public String toString() {
    return key == null ? "no API key" : SHOWN;
  }
}
