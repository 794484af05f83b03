// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The promises of the ledger hold on a file system with the manners of an object store. */
class ObjectStoreLedgerTest extends LedgerTest {
  @Override
  String place() {
    return ObjectStoreFileSystem.address(dir);
  }

  /** Killed, or cut off, while a manifest moves: it is at both of its places, and its rows are in the table once. */
  @Test
  void aRenameThatStopsInTheMiddleDoublesNothing() throws Exception {
    try (Ledger ledger = Ledger.open(spark(), table(), LedgerOptions.of("r", "w", 20))) {
      ObjectStoreFileSystem.RENAMES_TO_BREAK.set(1);
      offer(ledger.spec(), 0, 1, "a");
      LocalDelta.await("first commit", () -> ledger.progress().counts().rows() == 1);
      offer(ledger.spec(), 1, 2, "b");
      assertEquals(2, ledger.finish().counts().rows());
    } finally {
      ObjectStoreFileSystem.RENAMES_TO_BREAK.set(0);
    }
    assertEquals(List.of("p/a", "p/b"), LocalDelta.keys(spark(), table()));
    assertEquals(0, Ledger.recover(spark(), table(), "w", 0).adoptedRows());
    assertEquals(List.of("p/a", "p/b"), LocalDelta.keys(spark(), table()));
  }
}
