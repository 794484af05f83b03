// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.Objects;

/** The key of a trace: unique in a table of traces. */
public record RowKey(String promptId, String traceId) {
  public RowKey {
    Objects.requireNonNull(promptId, "promptId");
    Objects.requireNonNull(traceId, "traceId");
  }
}
