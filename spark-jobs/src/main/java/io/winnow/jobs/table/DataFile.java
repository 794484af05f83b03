// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/**
 * One complete Parquet file in a table's folder.
 *
 * @param name file name, relative to the table's folder
 * @param sizeBytes length of the file
 * @param modifiedMillis modification time, milliseconds since 1970
 * @param rows number of records
 * @param stats Delta statistics as JSON (numRecords, minValues, maxValues, nullCount)
 */
record DataFile(String name, long sizeBytes, long modifiedMillis, long rows, String stats) {}
