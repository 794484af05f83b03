// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheFolderTest {
  @TempDir Path tmp;

  @Test
  void theVariableGoesBeforeThePropertyAndOffIsNone() throws IOException {
    String property = tmp.resolve("property").toString();
    assertEquals(tmp.resolve("a/b"), CacheFolder.open(tmp.resolve("a/b").toString(), property));
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(tmp.resolve("a/b"))));
    assertEquals(tmp.resolve("property"), CacheFolder.open(" ", property));
    assertNull(CacheFolder.open("off", property));
    assertTrue(CacheFolder.open(null, null).toString().contains("winnow-cache-"));
  }

  @Test
  void aFolderThatOthersMayWriteToIsRefused() throws IOException {
    Path open = Files.createDirectory(tmp.resolve("open"));
    for (String permissions : new String[] {"rwxrwx---", "rwx----w-"}) {
      Files.setPosixFilePermissions(open, PosixFilePermissions.fromString(permissions));
      IOException e = assertThrows(IOException.class, () -> CacheFolder.open(open.toString(), null));
      assertTrue(e.getMessage().contains("others"), e.getMessage());
    }
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertEquals(open, CacheFolder.open(open.toString(), null));
    Path link = Files.createSymbolicLink(tmp.resolve("link"), open);
    assertEquals(open.toRealPath(), CacheFolder.open(link.toString(), null));
    assertThrows(IOException.class, () -> CacheFolder.open(Files.createFile(tmp.resolve("file")).toString(), null));
  }
}
