// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the driver says of servers, as executors come and go. */
class SidecarProgressTest {
  @AfterEach
  void clear() {
    SidecarProgress.clear();
  }

  @Test
  void aServerGoesWithItsExecutor() {
    assertNull(SidecarProgress.line());
    SidecarProgress.heard("1", "READY", "ready");
    SidecarProgress.heard("2", "STARTING", "starting 45 %");
    assertEquals("servers ready: 1 of 2; executor 2 starting 45 %", SidecarProgress.line());
    SidecarProgress.gone("2");
    SidecarProgress.heard("3", "READY", "ready");
    assertEquals("servers ready: 2 of 2", SidecarProgress.line());
    SidecarProgress.gone("1");
    // Its last word may come behind the news of its end.
    SidecarProgress.heard("1", "READY", "ready");
    assertEquals("servers ready: 1 of 1", SidecarProgress.line());
  }
}
