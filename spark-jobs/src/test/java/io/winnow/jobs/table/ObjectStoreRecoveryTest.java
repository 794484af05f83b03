// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/** What a dead run leaves is recovered on a file system with the manners of an object store. */
class ObjectStoreRecoveryTest extends RecoveryTest {
  @Override
  String place() {
    return ObjectStoreFileSystem.address(dir);
  }
}
