// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.Serializable;

/**
 * A complete file of verdicts in the table's folder, not yet part of the table; goes from the task to the driver.
 *
 * @param name file name, relative to the table's folder
 * @param sizeBytes length of the file
 * @param modifiedMillis modification time, milliseconds since 1970
 * @param rows number of verdicts
 * @param stats Delta statistics as JSON
 */
public record VerdictFile(String name, long sizeBytes, long modifiedMillis, long rows, String stats)
    implements Serializable {
  static VerdictFile of(DataFile file) {
    return new VerdictFile(file.name(), file.sizeBytes(), file.modifiedMillis(), file.rows(), file.stats());
  }

  DataFile dataFile() {
    return new DataFile(name, sizeBytes, modifiedMillis, rows, stats);
  }
}
