// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WinnowTest {
  private record Ended(int exitCode, String output) {}

  private static Ended winnow(String... args) throws IOException, InterruptedException {
    return winnowWith("", args);
  }

  private static Ended winnowWith(String isa, String... args) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"),
                Winnow.class.getName()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("WINNOW_ISA", isa);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the process ends");
    return new Ended(process.exitValue(), output);
  }

  @Test
  void theProcessEndsWithTheExitCode() throws Exception {
    Ended doctor = winnow("doctor");
    assertEquals(0, doctor.exitCode(), doctor.output());
    assertTrue(doctor.output().contains("kernels: instruction sets found: "), doctor.output());
    assertTrue(doctor.output().contains("kernels: java"), doctor.output());
    Ended unknown = winnow("generate", "--promts", "x");
    assertEquals(2, unknown.exitCode(), unknown.output());
    assertEquals(
        "winnow: Unknown option '--promts' of generate. Did you mean '--prompts'? See winnow generate --help.",
        unknown.output().strip());
  }

  @Test
  void anInstructionSetThatIsNotThereIsRefusedByAllThatCompute() throws Exception {
    // No machine has the instructions of both processors.
    String lacking = System.getProperty("os.arch").equals("aarch64") ? "avx2" : "neon";
    for (String[] args :
        new String[][] {
          {"doctor"},
          {"generate", "--prompts", "none", "--model", "none", "--out", "none"},
          {"replay", "--traces", "none"},
          {"bench", "--prompts", "none", "--model", "none"}
        }) {
      Ended refused = winnowWith(lacking, args);
      assertEquals(2, refused.exitCode(), refused.output());
      assertTrue(
          refused.output().startsWith("winnow: Cannot compute: WINNOW_ISA=" + lacking + " is not available: "),
          refused.output());
      assertEquals(1, refused.output().lines().count(), refused.output());
    }
    Ended unknown = winnowWith("avx3", "doctor");
    assertEquals(2, unknown.exitCode(), unknown.output());
    assertEquals(
        "winnow: Cannot compute: WINNOW_ISA=avx3 is no instruction set: use neon, avx2, avx512, amx or reference.",
        unknown.output().strip());
  }

  @Test
  void theReferenceCanBeAskedFor() throws Exception {
    Ended doctor = winnowWith("reference", "doctor");
    assertEquals(0, doctor.exitCode(), doctor.output());
    assertTrue(doctor.output().contains("kernels: java: taken"), doctor.output());
  }
}
