// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.tokenizer.ModelText;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/**
 * Prints how long a model takes to load: text (tokenizer and template) and engine (weights, tables, cache). The first
 * line is a fresh JVM's, the second that of one which has loaded its classes. With WINNOW_CACHE an empty folder the
 * first line is a cold start.
 */
public final class LoadTime {
  private LoadTime() {}

  /** @param args the model, and --weights if not auto */
  public static void main(String[] args) {
    String weights = args.length > 1 ? args[1] : "auto";
    EngineSpec spec = new EngineSpec(args[0], weights, 0, 64, 0, null, Map.of());
    HostMemory host = MemoryBudget.host(0);
    // Spark has started its logging before any model is loaded; that alone takes half a second.
    org.slf4j.LoggerFactory.getLogger(LoadTime.class).debug("started");
    for (int load = 1; load <= 2; load++) {
      long start = System.nanoTime();
      try (ModelText text = ModelText.load(Path.of(args[0]), null, Map.of())) {
        long middle = System.nanoTime();
        try (EmbeddedRuntime runtime = EmbeddedRuntime.load(spec, text, host)) {
          long end = System.nanoTime();
          System.out.printf(
              Locale.ROOT, "load %d: text %.2f s, engine %.2f s, together %.2f s (%s)%n", load, (middle - start) / 1e9,
              (end - middle) / 1e9, (end - start) / 1e9, runtime.info().weightFormat());
        }
      }
    }
  }
}
