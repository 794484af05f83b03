// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.inference.RemoteModel;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/**
 * The place where a model lies: a folder, or the folder around a single file. Any number of threads.
 *
 * <p>All throw {@link java.io.FileNotFoundException} for what is not there and {@link
 * java.nio.file.AccessDeniedException} for what may not be read; any other IOException may pass when tried again.
 */
public interface RemoteFiles {
  /** Whether the address is a folder. */
  boolean isFolder() throws IOException;

  /**
   * Names of the files in the folder, subfolders left out, just as the file system gives them: whatever they hold.
   *
   * @param most names at most; more are not asked for
   */
  List<String> names(int most) throws IOException;

  /** The state of a file as it is now. */
  RemoteModel.File look(String name) throws IOException;

  /** The content of a file from an offset on; the caller closes it. */
  InputStream open(String name, long offset) throws IOException;
}
