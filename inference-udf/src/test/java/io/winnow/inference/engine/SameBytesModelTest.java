// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.kernels.NativeBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The same bytes from a model of one's own, for the nightly run: make same-bytes MODEL=FILE.gguf. */
class SameBytesModelTest {
  @Test
  void theModelThatIsNamed() throws Exception {
    String model = System.getProperty("winnow.sameBytesModel", "");
    assumeTrue(!model.isEmpty(), "no winnow.sameBytesModel: run make same-bytes MODEL=FILE.gguf");
    long seed = Script.seed("SameBytesModelTest");
    new SameBytesMatrix(Path.of(model), seed, new int[] {1, 5, 9, 3, 12, 2, 66, 8, 4, 7}, 4).check();
    assertEquals(0, NativeBuffer.outstandingBytes());
  }
}
