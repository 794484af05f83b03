// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;

/** A {@link FaultServer} that behaves, in a process of its own and at a port of its parent's choice. */
public final class FaultServerProcess {
  private FaultServerProcess() {}

  /** Runs until it is ended; the first word is the port. */
  public static void main(String[] words) throws IOException {
    int behind = URI.create(FaultServer.healthy().url()).getPort();
    InetAddress loopback = InetAddress.getLoopbackAddress();
    try (ServerSocket door = new ServerSocket(Integer.parseInt(words[0]), 200, loopback)) {
      while (true) {
        Socket caller = door.accept();
        Socket server = new Socket(loopback, behind);
        pump(caller, server);
        pump(server, caller);
      }
    }
  }

  private static void pump(Socket from, Socket to) {
    Thread thread =
        new Thread(
            () -> {
              try (from; to; InputStream in = from.getInputStream(); OutputStream out = to.getOutputStream()) {
                in.transferTo(out);
              } catch (IOException e) {
                // One side has hung up, and now both have.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }
}
