// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every damage must be an error that names the file and the fault; never a crash, a hang or a wrong model. */
class DamagedCheckpointTest {
  @TempDir Path tmp;
  private Path folder;

  @BeforeEach
  void writesASoundModel() throws IOException {
    folder = tmp.resolve("model");
    TinyModel.writeFolder(folder, "llama", false, false);
    Checkpoints.open(folder).close();
  }

  private void refuses(Path model, String errorClass, String... words) {
    InferenceException e = assertThrows(InferenceException.class, () -> Checkpoints.open(model).close());
    assertEquals(errorClass, e.errorClass(), e.getMessage());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + "\nlacks: " + word);
    }
  }

  private void configWith(String from, String to) throws IOException {
    String config = TinyModel.config("llama", false);
    assertTrue(config.contains(from), from);
    Files.writeString(folder.resolve("config.json"), config.replace(from, to));
  }

  @Test
  void namesWhatIsNotThere() throws IOException {
    refuses(tmp.resolve("nowhere"), "model_not_found", "nowhere", "no such file or folder");
    refuses(Files.createDirectory(tmp.resolve("empty")), "model_not_found", "neither config.json nor a .gguf");
    refuses(Files.writeString(tmp.resolve("weights.bin"), "x"), "model_not_found", ".gguf");
    Files.delete(folder.resolve("model.safetensors"));
    refuses(folder, "model_not_found", "model.safetensors.index.json");
  }

  @Test
  void namesUnknownArchitecturesAndWhatIsNotComputed() throws IOException {
    configWith("llama", "mamba");
    refuses(folder, "architecture_unknown", "'mamba'", "llama, qwen2");
    configWith("silu", "gelu");
    refuses(folder, "model_unsupported", "hidden_act is 'gelu'");
    configWith("\"rope_theta\":10000.0", "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0}");
    refuses(folder, "model_unsupported", "'yarn'", "llama3");
    configWith("\"bos_token_id\":0", "\"quantization_config\":{\"quant_method\":\"gptq\"}");
    refuses(folder, "model_unsupported", "'gptq'");
  }

  @Test
  void namesFaultyConfigurations() throws IOException {
    configWith("\"hidden_size\":8", "\"hidden_size\":-8");
    refuses(folder, "model_invalid", "config.json", "hidden_size is -8");
    configWith("\"hidden_size\":8,", "");
    refuses(folder, "model_invalid", "it has no hidden_size");
    configWith("\"hidden_size\":8", "\"hidden_size\":99999999999");
    refuses(folder, "model_invalid", "99999999999");
    configWith("\"num_key_value_heads\":1", "\"num_key_value_heads\":3");
    refuses(folder, "model_invalid", "2 attention heads", "3 key-value heads");
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"lla");
    refuses(folder, "model_invalid", "not valid JSON");
    Files.writeString(folder.resolve("config.json"), "[1]");
    refuses(folder, "model_invalid", "not a JSON object");
    Files.writeString(folder.resolve("config.json"), "[".repeat(100_000));
    refuses(folder, "model_invalid", "not valid JSON");
  }

  @Test
  void namesMissingAndMisshapenTensors() throws IOException {
    Map<String, long[]> shapes = new LinkedHashMap<>(TinyModel.shapes(false, false));
    shapes.remove("model.layers.0.mlp.up_proj.weight");
    TinyModel.writeSafetensors(folder.resolve("model.safetensors"), shapes);
    refuses(folder, "model_invalid", "1 of the 12 tensors", "model.layers.0.mlp.up_proj.weight [12, 8]");
    shapes.put("model.layers.0.mlp.up_proj.weight", new long[] {8, 12});
    TinyModel.writeSafetensors(folder.resolve("model.safetensors"), shapes);
    refuses(folder, "model_invalid", "model.layers.0.mlp.up_proj.weight", "[8, 12]", "[12, 8]");
    TinyModel.writeFolder(folder, "qwen2", false, false);
    refuses(folder, "model_invalid", "q_proj.bias");
    TinyModel.writeFolder(folder, "qwen2", true, true);
    Checkpoints.open(folder).close();
  }

  @Test
  void namesDamagedSafetensors() throws IOException {
    Path file = folder.resolve("model.safetensors");
    byte[] sound = Files.readAllBytes(file);
    for (int length : new int[] {0, 7, 8, 100, sound.length - 1}) {
      Files.write(file, Arrays.copyOf(sound, length));
      refuses(folder, "model_invalid", "model.safetensors", "truncated");
    }
    byte[] huge = sound.clone();
    Arrays.fill(huge, 0, 8, (byte) 0xff);
    Files.write(file, huge);
    refuses(folder, "model_invalid", "18446744073709551615");
    String name = "model.norm.weight";
    header(file, TinyModel.entry(name, "F32", new long[] {8}, 0, 32) + ","
        + TinyModel.entry("b", "F32", new long[] {8}, 16, 48));
    refuses(folder, "model_invalid", "overlap");
    header(file, TinyModel.entry(name, "F32", new long[] {-8}, 0, 32));
    refuses(folder, "model_invalid", "impossible shape");
    header(file, TinyModel.entry(name, "F32", new long[] {1L << 40, 1L << 40}, 0, 32));
    refuses(folder, "model_invalid", "impossible shape");
    header(file, TinyModel.entry(name, "F32", new long[] {8}, 32, 0));
    refuses(folder, "model_invalid", "32 bytes");
    header(file, TinyModel.entry(name, "F13", new long[] {8}, 0, 32));
    refuses(folder, "model_invalid", "'F13'");
    header(file, TinyModel.entry("model.embed_tokens.weight", "I8", new long[] {4, 8}, 0, 32));
    refuses(folder, "model_invalid", "stored as I8");
    header(file, TinyModel.entry(name, "F32", new long[] {8}, 0, 32) + ","
        + TinyModel.entry(name, "F32", new long[] {8}, 0, 32));
    refuses(folder, "model_invalid", "not valid JSON", "model.norm.weight");
    header(file, "\"a\":7");
    refuses(folder, "model_invalid", "unknown dtype");
    TinyModel.writeSafetensors(file, "not json at all", new byte[8]);
    refuses(folder, "model_invalid", "not valid JSON");
  }

  private static void header(Path file, String entries) throws IOException {
    TinyModel.writeSafetensors(file, "{" + entries + "}", new byte[64]);
  }

  @Test
  void namesFaultyIndexes() throws IOException {
    Path index = folder.resolve("model.safetensors.index.json");
    Files.move(folder.resolve("model.safetensors"), folder.resolve("one.safetensors"));
    Files.writeString(index, "{\"weight_map\":{\"model.norm.weight\":\"two.safetensors\"}}");
    refuses(folder, "model_invalid", "two.safetensors", "not there");
    Files.writeString(index, "{\"weight_map\":{\"nothing\":\"one.safetensors\"}}");
    refuses(folder, "model_invalid", "nothing", "does not hold it");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"../../secret.safetensors\"}}");
    refuses(folder, "model_invalid", "no file of this folder");
    Files.writeString(index, "{}");
    refuses(folder, "model_invalid", "no weight_map");
  }

  @Test
  void survivesRandomDamageOfHeaders() throws IOException {
    long seed = Long.getLong("winnow.seed", 20_261L);
    Random random = new Random(seed);
    Path file = folder.resolve("model.safetensors");
    byte[] sound = Files.readAllBytes(file);
    Path gguf = tmp.resolve("m.gguf");
    byte[] soundGguf = GgufCheckpointTest.tiny().bytes();
    for (int i = 0; i < 400; i++) {
      byte[] damaged = (i % 2 == 0 ? sound : soundGguf).clone();
      for (int n = 1 + random.nextInt(4); n > 0; n--) {
        damaged[random.nextInt(Math.min(damaged.length, 1500))] = (byte) random.nextInt();
      }
      Path target = i % 2 == 0 ? file : gguf;
      Files.write(target, damaged);
      try (Checkpoint checkpoint = Checkpoints.open(i % 2 == 0 ? folder : gguf)) {
        for (TensorInfo info : checkpoint.tensors()) {
          checkpoint.readRows(info.name(), 0, 1, new float[(int) info.cols()]);
        }
      } catch (InferenceException expected) {
        assertTrue(expected.getMessage().length() > 20);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", round " + i, e);
      }
    }
  }

  @Test
  void aFileThatShrinksAfterOpeningIsAnError() throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Checkpoint checkpoint = Checkpoints.open(folder)) {
      Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 1500));
      InferenceException e =
          assertThrows(
              InferenceException.class, () -> checkpoint.readRows("lm_head.weight", 9, 1, new float[TinyModel.HIDDEN]));
      assertTrue(e.getMessage().contains("ends at byte"), e.getMessage());
    }
  }
}
