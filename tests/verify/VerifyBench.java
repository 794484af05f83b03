// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.Verifiers;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Winnow's side of the comparison: reads requests of one line each from standard input and answers with one line.
 * {@code {"load": [[gold, reply], …], "warm": seconds}} keeps a set, {@code {"run": 1}} verifies it once on this thread.
 */
final class VerifyBench {
  private VerifyBench() {}

  public static void main(String[] args) throws Exception {
    ObjectMapper json = new ObjectMapper();
    Verifier verifier = Verifiers.byName("math", Map.of());
    List<VerificationRequest> requests = new ArrayList<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode request = json.readTree(line);
      if (request.has("load")) {
        requests.clear();
        for (JsonNode pair : request.get("load")) {
          requests.add(VerificationRequest.of(pair.get(0).asText(), pair.get(1).asText()));
        }
        long end = System.nanoTime() + (long) (request.get("warm").asDouble() * 1e9);
        while (System.nanoTime() < end) {
          pass(verifier, requests, new long[requests.size()]);
        }
        System.out.println("{}");
        continue;
      }
      long[] nanos = new long[requests.size()];
      double cpu = pass(verifier, requests, nanos);
      // The clock of a thread's CPU time is coarse: several passes for the rate, the first for the latencies.
      int passes = 1;
      for (; cpu < 0.3; passes++) {
        cpu += pass(verifier, requests, new long[requests.size()]);
      }
      cpu /= passes;
      System.out.println(json.writeValueAsString(Map.of("cpu", cpu, "nanos", nanos)));
    }
  }

  /** CPU seconds of one pass; fills in the nanoseconds of each request. */
  private static double pass(Verifier verifier, List<VerificationRequest> requests, long[] nanos) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    for (int i = 0; i < nanos.length; i++) {
      long began = System.nanoTime();
      verifier.verify(requests.get(i));
      nanos[i] = System.nanoTime() - began;
    }
    return (threads.getCurrentThreadCpuTime() - start) / 1e9;
  }
}
