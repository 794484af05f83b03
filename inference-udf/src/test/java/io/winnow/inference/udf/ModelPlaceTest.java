// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.SamplingParams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Engines of models with an address, on Hadoop's own file system for local files. */
class ModelPlaceTest {
  private static final SamplingParams PARAMS = new SamplingParams(0, 1, 0, 0, 1, 4, List.of(), 0, false, 0);

  @TempDir Path folder;
  private Path store;
  private EngineSpec spec;

  @BeforeEach
  void copyModel() throws IOException {
    System.setProperty("winnow.cacheDir", folder.resolve("cache").toString());
    store = Files.createDirectory(folder.resolve("tiny"));
    Path shipped = Path.of(System.getProperty("winnow.root"), "examples", "model");
    try (Stream<Path> files = Files.list(shipped)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, store.resolve(file.getFileName()));
      }
    }
    spec = EngineSpec.ofModel("file:" + store);
  }

  @AfterEach
  void close() {
    EngineHost.closeIdle();
    System.clearProperty("winnow.cacheDir");
  }

  private List<Path> copies() throws IOException {
    try (Stream<Path> all = Files.walk(folder.resolve("cache"))) {
      return all.filter(file -> file.endsWith("copy/tiny/model.safetensors")).toList();
    }
  }

  private static GenerateFunction function(EngineSpec seen, ModelInfo expected) {
    return new GenerateFunction(seen, PARAMS, 10, expected);
  }

  @Test
  void isDescribedAsTheSameFilesAtAPath() throws IOException {
    ModelInfo here = EngineHost.describe(EngineSpec.ofModel(store.toString()));
    assertEquals(here, EngineHost.describe(spec));
    assertEquals(here, EngineHost.describe(EngineHost.seen(spec)));
    assertEquals(1, copies().size());
  }

  @Test
  void aCopyThatIsNotTheDriversIsThrownAway() throws IOException {
    EngineSpec seen = EngineHost.seen(spec);
    ModelInfo right = EngineHost.describe(seen);
    ModelInfo other =
        new ModelInfo(
            right.name(), right.architecture(), "0".repeat(64), right.tokenizerFingerprint(),
            right.templateFingerprint(), right.weightFormat(), right.contextLength(), right.vocabSize(),
            right.parameters(), right.weightBytes(), right.addedEnds());
    try (BufferAllocator allocator = new RootAllocator()) {
      InferenceException e =
          assertThrows(
              InferenceException.class, () -> function(seen, other).apply(Collections.emptyIterator(), allocator));
      assertTrue(e.getMessage().contains(spec.model()) && e.getMessage().contains("thrown away"), e.getMessage());
      assertEquals(List.of(), copies());
      function(seen, right).apply(Collections.emptyIterator(), allocator).close();
      assertEquals(1, copies().size());
    }
  }

  @Test
  void executorsRefuseWhatTheDriverHasNotSeen() throws IOException {
    EngineSpec seen = EngineHost.seen(spec);
    Path weights = store.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    Files.setLastModifiedTime(
        weights, FileTime.fromMillis(seen.remote().files().get(0).modified() + 5000));
    InferenceException e = assertThrows(InferenceException.class, () -> EngineHost.acquire(seen));
    assertTrue(e.getMessage().contains("model.safetensors has changed since the driver"), e.getMessage());
    assertEquals("model_not_fetched", e.errorClass());
    assertFalse(EngineHost.seen(spec).equals(seen));
    assertNotEquals(seen.remote().key(), EngineHost.seen(spec).remote().key());
  }
}
