// SPDX-License-Identifier: Apache-2.0
/**
 * The plain-Java implementation, the oracle that every other one is held to, and what it stands on. One operation, one
 * file. Only {@link io.winnow.kernels.KernelsLadder} and the parent package use it.
 */
package io.winnow.kernels.internal;
