// SPDX-License-Identifier: Apache-2.0
/** Data sets in, Delta tables out. Entry class: {@link io.winnow.jobs.Winnow}, the command line and its Java face. */
package io.winnow.jobs;
