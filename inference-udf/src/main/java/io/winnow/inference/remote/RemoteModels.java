// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.RemoteModel;
import io.winnow.inference.conf.UsageException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** Looks what a model on another file system consists of. Reads states of files and the index of shards, no weights. */
public final class RemoteModels {
  private static final int MOST_FILES = 10_000;
  private static final int MOST_NAME_BYTES = 200;
  private static final int MOST_INDEX_BYTES = 64 << 20;
  private static final String CONFIG = "config.json";
  private static final String TOKENIZER = "tokenizer.json";
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final RemoteFiles files;
  private final String address;
  private final BackOff backOff;

  RemoteModels(RemoteFiles files, String address, BackOff backOff) {
    this.files = files;
    this.address = address;
    this.backOff = backOff;
  }

  /**
   * The files of the model at an address: of a folder those that the engine reads, weights once.
   *
   * @throws UsageException when there is no model, a file of it is missing, or it cannot be reached
   */
  public static RemoteModel look(RemoteFiles files, String address) {
    return new RemoteModels(files, address, BackOff.PATIENT).look();
  }

  RemoteModel look() {
    try {
      boolean folder = backOff.run("Looking for " + address, files::isFolder);
      String name = nameOf(address);
      TreeSet<String> names = new TreeSet<>();
      if (folder) {
        names.addAll(chosen(backOff.run("Listing " + address, () -> files.names(MOST_FILES + 1))));
      } else if (isGguf(name)) {
        names.add(name);
      } else {
        throw refused("it is a file that does not end in .gguf", null);
      }
      List<RemoteModel.File> found = new ArrayList<>();
      for (String each : names) {
        checkName(each);
        RemoteModel.File file = backOff.run("Looking at " + address + "/" + each, () -> files.look(each));
        if (file.length() < 0) {
          throw refused("the length of its file " + each + " is not known", null);
        }
        found.add(file);
      }
      String copy = isPlain(name) ? name : folder ? "model" : "model.gguf";
      return new RemoteModel(address, copy, folder, found);
    } catch (FileNotFoundException | NoSuchFileException e) {
      throw refused("there is no such file or folder (" + e.getMessage() + ")", e);
    } catch (AccessDeniedException e) {
      throw new UsageException(
          "Cannot use --model '" + address + "': it may not be read with the credentials given (" + e.getMessage()
              + "). Give them by --conf spark.hadoop.*, as docs/OBJECT_STORES.md shows.", e);
    } catch (IOException e) {
      throw new UsageException(
          "Cannot use --model '" + address + "': its file system does not answer (" + e + "). Check the address, the"
              + " network and the options spark.hadoop.* of its file system.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UsageException("Cannot use --model '" + address + "': interrupted while it was looked for.", e);
    }
  }

  private UsageException refused(String why, Exception cause) {
    return new UsageException(
        "Cannot use --model '" + address + "': " + why + ". Give the address of a Hugging Face folder (config.json,"
            + " *.safetensors, tokenizer.json) or of a .gguf file.", cause);
  }

  /** Of all names in the folder those that the engine reads. */
  private Set<String> chosen(List<String> listed) throws IOException, InterruptedException {
    if (listed.size() > MOST_FILES) {
      throw refused("there are more than " + MOST_FILES + " files in the folder", null);
    }
    Set<String> all = new TreeSet<>(listed);
    Set<String> chosen = new TreeSet<>();
    for (String name : all) {
      boolean hidden = name.matches("\\.[^/\\\\]+");
      if (!hidden && (name.endsWith(".json") || name.endsWith(".jinja"))) {
        chosen.add(name);
      }
    }
    if (!all.contains(CONFIG)) {
      List<String> ggufs = all.stream().filter(RemoteModels::isGguf).toList();
      if (ggufs.size() != 1) {
        throw refused(
            ggufs.isEmpty()
                ? "the folder has neither config.json nor a .gguf file"
                : "the folder has no config.json but " + ggufs.size() + " .gguf files: name one of them", null);
      }
      chosen.add(ggufs.get(0));
      return chosen;
    }
    if (!all.contains(TOKENIZER)) {
      throw refused("the folder has no " + TOKENIZER, null);
    }
    if (all.contains(SINGLE)) {
      chosen.add(SINGLE);
      return chosen;
    }
    if (!all.contains(INDEX)) {
      throw refused("the folder has neither " + SINGLE + " nor " + INDEX, null);
    }
    for (String shard : shards()) {
      if (!all.contains(shard)) {
        throw refused("its " + INDEX + " names the file " + shard + ", which is not there", null);
      }
      chosen.add(shard);
    }
    return chosen;
  }

  private Set<String> shards() throws IOException, InterruptedException {
    JsonNode map;
    try {
      byte[] json =
          backOff.run(
              "Reading " + address + "/" + INDEX,
              () -> {
                try (InputStream in = files.open(INDEX, 0)) {
                  return in.readNBytes(MOST_INDEX_BYTES);
                }
              });
      map = new ObjectMapper().readTree(json).path("weight_map");
    } catch (JsonProcessingException e) {
      throw refused("its " + INDEX + " is not valid JSON", e);
    }
    Set<String> shards = new TreeSet<>();
    map.forEach(shard -> shards.add(shard.asText()));
    if (shards.isEmpty()) {
      throw refused("its " + INDEX + " has no weight_map", null);
    }
    return shards;
  }

  /** A listing must not make us write elsewhere than into the copy's folder. */
  private void checkName(String name) {
    if (!isPlain(name)) {
      throw refused("it lists a file '" + name.replaceAll("\\p{Cntrl}", "?") + "', which is no plain name", null);
    }
  }

  /** Neither folders nor drives in it, and nothing that a file system here could take for something else. */
  static boolean isPlain(String name) {
    return !name.isBlank() && !name.startsWith(".") && name.chars().noneMatch(c -> "/\\:".indexOf(c) >= 0 || c < 32)
        && name.getBytes(StandardCharsets.UTF_8).length <= MOST_NAME_BYTES;
  }

  private static boolean isGguf(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".gguf");
  }

  /** The last part of an address. */
  public static String nameOf(String address) {
    String plain = address.replaceAll("/+$", "");
    return plain.substring(plain.lastIndexOf('/') + 1);
  }
}
