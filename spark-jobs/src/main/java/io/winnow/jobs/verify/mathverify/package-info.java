// SPDX-License-Identifier: Apache-2.0

/**
 * The verdicts of Math-Verify 0.9.0, flaws and all: its extraction, its reading of LaTeX and its comparison, written
 * anew from its behaviour. Whoever wants to know what is right uses {@code jobs.verify.math}; whoever wants to repeat
 * a run that was scored by Math-Verify uses this. Free of threads, timers and Spark.
 */
package io.winnow.jobs.verify.mathverify;
