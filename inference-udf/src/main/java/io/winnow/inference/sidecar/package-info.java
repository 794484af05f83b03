// SPDX-License-Identifier: Apache-2.0
/**
 * Servers that run beside an executor: started by a command, watched, started again, and gone when their parent is
 * gone. Knows neither Spark nor what is asked of a server; {@link io.winnow.inference.sidecar.Sidecar} runs one from a
 * shell.
 *
 * <p>{@link io.winnow.inference.SidecarSpec} says what to run (a {@link
 * io.winnow.inference.sidecar.CommandTemplate}, the model, limits), {@link io.winnow.inference.sidecar.SidecarPlace}
 * where (GPUs, cores, folder of the log). {@link io.winnow.inference.sidecar.SidecarServer} is the supervisor: a thread
 * that starts, waits for health, watches and starts again. A process starts as a child of a small shell ({@code
 * watch.sh}), which holds one end of a pipe. The other end is in this JVM and closes when it dies, in whatever way:
 * there is one path for a stop, a SIGTERM and a SIGKILL. The shell then ends the server's process group and whoever
 * carries its mark in the environment. The log is bounded, and its tail is what a failure shows.
 */
package io.winnow.inference.sidecar;
