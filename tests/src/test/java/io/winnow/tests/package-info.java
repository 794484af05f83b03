// SPDX-License-Identifier: Apache-2.0
/**
 * Whatever crosses modules: the arrows between packages, {@code generate} from its command line to its table, bad
 * input, death in mid-run, several executors. Entry classes: {@link io.winnow.tests.Invocation} runs a command line,
 * {@link io.winnow.tests.Tables} reads and compares what it wrote. Not here: what one module can test alone, and how
 * good the answers of the shipped model are.
 */
package io.winnow.tests;
