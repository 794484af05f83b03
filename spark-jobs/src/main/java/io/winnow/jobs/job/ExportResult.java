// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.export.CardFacts;
import io.winnow.jobs.export.Skip;
import java.util.List;
import java.util.Map;

/**
 * What {@code export} has done.
 *
 * @param step rows written and rows that cannot be used, times and place
 * @param splits with their files; empty when nothing was to do or the run was stopped
 * @param leftOut rows of the input without a row in the data set
 */
public record ExportResult(StepResult step, List<CardFacts.Split> splits, Map<Skip, Long> leftOut) {}
