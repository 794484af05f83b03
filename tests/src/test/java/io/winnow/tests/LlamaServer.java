// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** llama.cpp's server with SmolLM2, in a process that ends with this one. */
final class LlamaServer implements AutoCloseable {
  private final Process process;
  private final String url;

  private LlamaServer(Process process, String url) {
    this.process = process;
    this.url = url;
  }

  /** Why it cannot be started here; null if it can. */
  static String missing() {
    String python = System.getenv("WINNOW_LLAMACPP");
    if (python == null || python.isBlank()) {
      return "WINNOW_LLAMACPP does not name a Python that has xllamacpp";
    }
    return Files.exists(model()) ? null : "-Dwinnow.fixtures=DIR has no " + model().getFileName();
  }

  private static Path model() {
    return Path.of(
        System.getProperty("winnow.fixtures", ""), "models/smollm2-135m-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf");
  }

  /** Starts it and waits until it answers. */
  static LlamaServer start(int slots) throws IOException {
    Process process =
        new ProcessBuilder(
                System.getenv("WINNOW_LLAMACPP"),
                Invocation.ROOT.resolve("tests/peers/llamacpp_server.py").toString(),
                "--until-stdin-ends", "--model", model().toString(), "--parallel", String.valueOf(slots), "--ctx-size",
                String.valueOf(512 * slots), "--threads", "1")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = out.readLine();
    if (line == null) {
      throw new IOException("llama.cpp's server ended at once");
    }
    return new LlamaServer(process, new ObjectMapper().readTree(line).get("url").asText());
  }

  String url() {
    return url;
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
