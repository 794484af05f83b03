// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The promises of the ledger hold on a file system with the manners of an object store. */
class ObjectStoreLedgerTest extends LedgerTest {
  @Override
  String place() {
    return ObjectStoreFileSystem.address(dir);
  }

  /** The ledger's own note is cut off while it moves: it is at both of its places, and the rows are in the table once. */
  @ParameterizedTest
  @ValueSource(strings = {"/batches/", "/accepted/"})
  void aRenameOfTheLedgerThatStopsInTheMiddleDoublesNothing(String target) throws Exception {
    try (Ledger ledger = Ledger.open(spark(), table(), LedgerOptions.of("r", "w", 20))) {
      ObjectStoreFileSystem.breakRenameTo(target);
      offer(ledger.spec(), 0, 1, "a");
      LocalDelta.await("first commit", () -> ledger.progress().counts().rows() == 1);
      offer(ledger.spec(), 1, 2, "b");
      assertEquals(2, ledger.finish().counts().rows());
    } finally {
      assertTrue(ObjectStoreFileSystem.renameBroke(), "no rename to " + target);
    }
    check();
  }

  /** A task's manifest is cut off while it moves: the task fails, its next attempt makes nothing again. */
  @Test
  void aRenameOfATaskThatStopsInTheMiddleDoublesNothing() throws Exception {
    try (Ledger ledger = Ledger.open(spark(), table(), LedgerOptions.of("r", "w", 20))) {
      ObjectStoreFileSystem.breakRenameTo("/offered/");
      assertThrows(IOException.class, () -> offer(ledger.spec(), 0, 1, "a"));
      offer(ledger.spec(), 0, 2, "a", "b");
      assertEquals(2, ledger.finish().counts().rows());
    } finally {
      assertTrue(ObjectStoreFileSystem.renameBroke(), "no rename of a manifest");
    }
    check();
  }

  private void check() throws Exception {
    assertEquals(List.of("p/a", "p/b"), LocalDelta.keys(spark(), table()));
    assertEquals(0, Ledger.recover(spark(), table(), "w", 0).adoptedRows());
    assertEquals(List.of("p/a", "p/b"), LocalDelta.keys(spark(), table()));
  }
}
