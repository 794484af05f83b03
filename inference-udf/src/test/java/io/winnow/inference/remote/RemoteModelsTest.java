// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.RemoteModel;
import io.winnow.inference.conf.ModelAddress;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RemoteModelsTest {
  private static final BackOff BRIEF = new BackOff(3, Duration.ofMillis(1));
  private static final String ADDRESS = "made://bucket/models/tiny";

  @TempDir Path folder;

  private RemoteModel look(RemoteFiles files) {
    return new RemoteModels(files, ADDRESS, BRIEF).look();
  }

  private void write(String... names) throws IOException {
    for (String name : names) {
      Files.writeString(folder.resolve(name), name);
    }
  }

  private void refused(RemoteFiles files, String... said) {
    UsageException e = assertThrows(UsageException.class, () -> look(files));
    for (String part : said) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertTrue(e.getMessage().contains(ADDRESS) && e.getMessage().lines().count() == 1, e.getMessage());
  }

  private static List<String> names(RemoteModel model) {
    return model.files().stream().map(RemoteModel.File::name).toList();
  }

  @Test
  void ofAFolderOnlyWhatTheEngineReads() throws IOException {
    write("config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors", "consolidated.safetensors",
        "pytorch_model.bin", "README.md", "._config.json", "model-q4.gguf");
    Files.createDirectory(folder.resolve("original"));
    RemoteModel model = look(new FolderFiles(folder));
    assertEquals(List.of("chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"), names(model));
    assertEquals("tiny", model.name());
    assertEquals(folder.resolve("config.json").toFile().length(), model.files().get(1).length());
  }

  @Test
  void ofShardsThoseThatTheIndexNames() throws IOException {
    write("config.json", "tokenizer.json", "a.safetensors", "b.safetensors", "other.safetensors");
    Path index = folder.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\": {\"x\": \"b.safetensors\", \"y\": \"a.safetensors\"}}");
    assertEquals(
        List.of("a.safetensors", "b.safetensors", "config.json", "model.safetensors.index.json", "tokenizer.json"),
        names(look(new FolderFiles(folder))));
    Files.writeString(index, "{\"weight_map\": {\"x\": \"c.safetensors\"}}");
    refused(new FolderFiles(folder), "c.safetensors", "not there");
    Files.writeString(index, "{\"weight_map\": {\"x\": \"../a.safetensors\"}}");
    refused(new FolderFiles(folder), "../a.safetensors", "not there");
    Files.writeString(index, "{");
    refused(new FolderFiles(folder), "valid JSON");
    Files.writeString(index, "{}");
    refused(new FolderFiles(folder), "weight_map");
  }

  @Test
  void oneGgufAloneOrInAFolder() throws IOException {
    write("m.GGUF", "tokenizer_config.json", "notes.txt");
    assertEquals(List.of("m.GGUF", "tokenizer_config.json"), names(look(new FolderFiles(folder))));
    RemoteModel single =
        new RemoteModels(new FolderFiles(folder.resolve("m.GGUF")), "made://bucket/m.GGUF", BRIEF).look();
    assertEquals(List.of("m.GGUF"), names(single));
    assertEquals("m.GGUF", single.name());
    write("n.gguf");
    refused(new FolderFiles(folder), "2 .gguf files");
    refused(new FolderFiles(folder.resolve("notes.txt")), "does not end in .gguf");
  }

  @Test
  void whatIsMissingIsSaidBeforeAnythingIsFetched() throws IOException {
    refused(new FolderFiles(folder.resolve("none")), "no such file or folder");
    refused(new FolderFiles(folder), "neither config.json nor a .gguf");
    write("config.json");
    refused(new FolderFiles(folder), "no tokenizer.json");
    write("tokenizer.json");
    refused(new FolderFiles(folder), "neither model.safetensors nor");
  }

  @Test
  void hostileNamesAreNotFollowed() throws IOException {
    write("config.json", "tokenizer.json", "model.safetensors");
    for (String name : List.of("../evil.json", "/etc/evil.json", "..\\evil.json", "a/b.json", "c:evil.json",
        "a\nb.json", "n" + "o".repeat(300) + ".json")) {
      refused(new FolderFiles(folder) {
        @Override
        public List<String> names(int most) throws IOException {
          List<String> names = super.names(most);
          names.add(name);
          return names;
        }
      }, "no plain name");
    }
    refused(new FolderFiles(folder) {
      @Override
      public List<String> names(int most) {
        return Collections.nCopies(most, "x.json");
      }
    }, "more than 10000 files");
    refused(new FolderFiles(folder) {
      @Override
      public RemoteModel.File look(String name) {
        return new RemoteModel.File(name, -1, 0, "");
      }
    }, "length");
  }

  @Test
  void whatMayPassIsTriedAgainAndTheRestIsNot() throws IOException {
    write("m.gguf");
    int[] calls = {0};
    FolderFiles shaky = new FolderFiles(folder) {
      @Override
      public List<String> names(int most) throws IOException {
        if (++calls[0] < 3) {
          throw new IOException("503 slow down");
        }
        return super.names(most);
      }
    };
    assertEquals(List.of("m.gguf"), names(look(shaky)));
    calls[0] = -10;
    refused(shaky, "503 slow down");
    assertEquals(-7, calls[0]);
    calls[0] = 0;
    refused(new FolderFiles(folder) {
      @Override
      public boolean isFolder() throws IOException {
        calls[0]++;
        throw new AccessDeniedException("403");
      }
    }, "403", "spark.hadoop");
    assertEquals(1, calls[0]);
  }

  @Test
  void theKeyNamesAddressAndStateOfEveryFile() throws IOException {
    write("m.gguf");
    RemoteModel model = look(new FolderFiles(folder));
    RemoteModel.File f = model.files().get(0);
    assertEquals(model.key(), look(new FolderFiles(folder)).key());
    for (RemoteModel.File other : List.of(
        new RemoteModel.File("n.gguf", f.length(), f.modified(), f.tag()),
        new RemoteModel.File(f.name(), f.length() + 1, f.modified(), f.tag()),
        new RemoteModel.File(f.name(), f.length(), f.modified() + 1, f.tag()),
        new RemoteModel.File(f.name(), f.length(), f.modified(), "other"))) {
      assertNotEquals(model.key(), new RemoteModel(ADDRESS, "tiny", true, List.of(other)).key());
      assertEquals(other.name().equals(f.name()), f.difference(other) != null, other.toString());
    }
    assertNotEquals(model.key(), new RemoteModel(ADDRESS + "2", "tiny", true, model.files()).key());
  }

  @Test
  void addressesAreToldFromPathsAndHoldNoPassword() {
    for (String remote : List.of("hdfs://nn/models/x", "s3a://b/m.gguf", "file:/x",
        "abfs://c@a.dfs.core.windows.net/x")) {
      assertTrue(ModelAddress.isRemote(remote), remote);
      ModelAddress.check(remote);
      assertEquals(remote, ModelAddress.absolute(remote + "//"));
    }
    assertEquals("s3a://bucket/", ModelAddress.absolute("s3a://bucket"));
    assertEquals("s3a://bucket/", ModelAddress.absolute("s3a://bucket//"));
    for (String path : List.of("/models/x", "models/x", "x:y", "scripted:", "scripted:tokens=2", "C:/models")) {
      assertTrue(!ModelAddress.isRemote(path), path);
    }
    UsageException e =
        assertThrows(UsageException.class, () -> ModelAddress.check("s3a://AKIA:hunter2@bucket/m"));
    assertTrue(!e.getMessage().contains("hunter2") && e.getMessage().contains("spark.hadoop"), e.getMessage());
  }
}
