// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.Message;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SidecarSpec;
import io.winnow.inference.endpoint.ApiKey;
import io.winnow.inference.endpoint.EndpointRuntime;
import io.winnow.inference.tokenizer.ModelText;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;

/**
 * Endpoints as {@link EngineHost} opens them: keys are read on the host that asks, and an executor's own server is
 * asked where it listens.
 */
public final class EndpointHost {
  /** Contexts of servers are not known here; they refuse what does not fit. */
  private static final int CONTEXT = 1 << 30;

  /** Gives the addresses of this executor's own server; set by whatever has started it. */
  private static volatile Supplier<List<String>> sidecar;

  private EndpointHost() {}

  /**
   * Says where this executor's own server listens. Process-wide, as the server is.
   *
   * @param addresses base addresses such as {@code http://127.0.0.1:8000/v1}; asked when a task first needs them, and
   *     may wait until the server is ready. Null when the server has ended
   */
  public static void offer(Supplier<List<String>> addresses) {
    sidecar = addresses;
  }

  static ModelInfo describe(EndpointSpec spec) {
    String template =
        "api=" + spec.api().label() + "\ntemplate=" + spec.chatTemplate() + "\nargs=" + spec.templateArgs();
    return new ModelInfo(
        spec.name(), "endpoint", spec.fingerprint(), "server", sha256(template), "server", CONTEXT, Integer.MAX_VALUE,
        0, 0, List.of());
  }

  /**
   * The endpoint with the address of this executor's own server, if that is meant; waits until it is ready.
   *
   * @param own what that server is, or null
   * @throws io.winnow.inference.InferenceException when there is no such server
   */
  static EndpointSpec located(EndpointSpec spec, SidecarSpec own) {
    if (spec.sidecar() && own != null) {
      return SidecarHost.located(spec, own);
    }
    return located(spec);
  }

  private static EndpointSpec located(EndpointSpec spec) {
    Supplier<List<String>> own = sidecar;
    if (spec.sidecar() && own == null) {
      throw InferenceErrors.noSidecar(spec.name());
    }
    return spec.sidecar() ? spec.at(own.get()) : spec;
  }

  /**
   * Opens a runtime; no request is made.
   *
   * @throws io.winnow.inference.InferenceException when the API key is not there
   */
  static ModelRuntime open(EndpointSpec spec) {
    return SidecarHost.watched(spec, new EndpointRuntime(spec, describe(spec), key(spec), renderer(spec)));
  }

  /**
   * Looks on the driver whether the key is where it should be and nowhere else.
   *
   * @param asksHere whether tasks run in this JVM, so that the key must be here
   * @throws io.winnow.inference.InferenceException endpoint_key, when it is not
   */
  static void checkKey(EndpointSpec spec, boolean asksHere) {
    String shown = "spark.executorEnv." + spec.key().env();
    SparkEnv env = SparkEnv.get();
    if (spec.key().env() != null && env != null && env.conf().contains(shown)) {
      String redacted = env.conf().get("spark.redaction.regex", "(?i)secret|password|token|access[.]?key");
      if (!Pattern.compile(redacted).matcher(shown).find()) {
        throw InferenceErrors.apiKey(
            shown + " holds the key, which Spark shows in its UI and event log (and has shown already)",
            "Take another key, and hand it over by --api-key-file or a secret, as docs/ENDPOINTS.md shows");
      }
    }
    if (asksHere) {
      key(spec);
    }
  }

  private static ApiKey key(EndpointSpec spec) {
    return ApiKey.read(spec.key(), System::getenv, EndpointHost::keyFile);
  }

  /** The path as it is, or where Spark has put a file of that name for this executor. */
  private static Path keyFile(String path) {
    Path here = Path.of(path);
    if (Files.exists(here) || SparkEnv.get() == null) {
      return here;
    }
    Path sent = Path.of(SparkFiles.get(here.getFileName().toString()));
    return Files.exists(sent) ? sent : here;
  }

  /** Makes the text of a conversation for servers that are asked to go on from texts. */
  private static Function<List<Message>, String> renderer(EndpointSpec spec) {
    if (spec.chatTemplate() == null) {
      return messages -> String.join("\n", messages.stream().map(m -> m.content() == null ? "" : m.content()).toList());
    }
    ModelText text = ModelText.ofBytes(spec.chatTemplate(), spec.templateArgs());
    return messages -> text.renderer().render(messages).text();
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("Every Java platform has SHA-256", e);
    }
  }
}
