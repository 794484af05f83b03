// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports of loopback on which nobody listens now. A server may bind minutes later, so they come from below the range of
 * which Linux takes ports for outgoing connections (32768 and up), at random so that executors of a host seldom meet.
 */
final class FreePort {
  private static final int LOWEST = 18_000;
  private static final int ABOVE = 32_000;
  private static final int TRIES = 100;

  private FreePort() {}

  static int pick() {
    for (int i = 0; i < TRIES; i++) {
      int port = ThreadLocalRandom.current().nextInt(LOWEST, ABOVE);
      if (isFree(port)) {
        return port;
      }
    }
    try (ServerSocket any = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return any.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot find a free port on " + InetAddress.getLoopbackAddress(), e);
    }
  }

  static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      // A port whose last connections are still closing down is free for a server, which sets the same.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
