// SPDX-License-Identifier: Apache-2.0
/**
 * The command line: words to settings, a session to run in, lines for people, an exit code. Entry classes:
 * {@link io.winnow.jobs.cli.CommandLineRunner} and, for a new command, {@link io.winnow.jobs.cli.Command}. Not here:
 * what a command does with data.
 */
package io.winnow.jobs.cli;
