// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.io.Serializable;

/**
 * A column of the data set.
 *
 * @param doc what stands in it, for the card
 */
public record ExportColumn(String name, ColumnType type, String doc) implements Serializable {}
