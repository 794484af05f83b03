// SPDX-License-Identifier: Apache-2.0
/**
 * Rows as trainers read them: messages, preferences, labels, prompts with gold, steps; and the card of the data set
 * that they make. Entry: {@link io.winnow.jobs.export.RowRenderer}. In: a {@link io.winnow.jobs.export.SourceRow} of
 * any data set. Out: one JSON line, with the key that orders it, or why the row is left out.
 *
 * <p>A row is one line of JSON until it is in its file, whatever the file's format: its bytes are the measure by which
 * files are cut, its digest breaks ties of the order, and Parquet is written of it by the columns that {@link
 * io.winnow.jobs.export.ExportFormat} declares. Those declarations are also the features on the card.
 *
 * <p>Not here: choosing among samples (selection), files and Spark (table, job).
 */
package io.winnow.jobs.export;
