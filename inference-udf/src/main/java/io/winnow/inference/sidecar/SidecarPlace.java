// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.nio.file.Path;
import java.util.List;

/**
 * Where a server runs.
 *
 * @param label names it in logs: the executor
 * @param gpus addresses of the GPUs that are its own: numbers or UUIDs; empty for whatever the process sees
 * @param cores processors that it may use
 * @param folder of its log and of the file with its key
 */
public record SidecarPlace(String label, List<String> gpus, int cores, Path folder) {
  public SidecarPlace {
    gpus = List.copyOf(gpus);
  }
}
