// SPDX-License-Identifier: Apache-2.0
/**
 * Models that lie on another file system, copied to this host once for all processes of a user. What that file system
 * is, only {@link io.winnow.inference.remote.RemoteFiles} knows. It may use checkpoint for the cache folder and kernels
 * for locks.
 */
package io.winnow.inference.remote;
