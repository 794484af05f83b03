// SPDX-License-Identifier: Apache-2.0
/**
 * Prompts from files and tables, each row in one fixed shape whatever its source, with an id that is unique and an
 * error where the row cannot be used. Entry class: {@link io.winnow.jobs.input.PromptSource}. Not here: token ids,
 * models, anything that is written.
 */
package io.winnow.jobs.input;
