// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.checkpoint.TinyGguf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTokenizerTest {
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  @TempDir Path tmp;

  private static TinyGguf byteLevel(String pre) {
    List<String> tokens = new ArrayList<>(TinyTokenizer.letters());
    TinyTokenizer.MERGES.forEach(m -> tokens.add(m[0] + m[1]));
    int[] types = new int[tokens.size() + 3];
    Arrays.fill(types, NORMAL);
    types[tokens.size()] = CONTROL;
    types[tokens.size() + 1] = CONTROL;
    types[tokens.size() + 2] = USER_DEFINED;
    tokens.addAll(List.of("<|im_start|>", "<|im_end|>", "<think>"));
    return new TinyGguf().put("general.architecture", "llama").put("tokenizer.ggml.model", "gpt2")
        .put("tokenizer.ggml.pre", pre).putStrings("tokenizer.ggml.tokens", tokens)
        .putInts("tokenizer.ggml.token_type", types)
        .putStrings("tokenizer.ggml.merges", TinyTokenizer.MERGES.stream().map(m -> m[0] + " " + m[1]).toList())
        .put("tokenizer.ggml.bos_token_id", tokens.size() - 3).put("tokenizer.ggml.eos_token_id", tokens.size() - 2)
        .put("tokenizer.chat_template", TinyTokenizer.CHATML);
  }

  private Path write(TinyGguf gguf) throws IOException {
    Path file = tmp.resolve("m.gguf");
    gguf.write(file);
    return file;
  }

  @Test
  void aByteLevelTokenizerIsTheOneOfTheFolder() throws IOException {
    TinyTokenizer.write(tmp, TinyTokenizer.CHATML);
    try (Tokenizer folder = Tokenizers.load(tmp);
        ModelText gguf = ModelText.load(write(byteLevel("gpt-2")), null, Map.of())) {
      for (String text : List.of("", "hi wide world", "é中\uD83D\uDE42\n\n  x", "<think>hi", "12 345")) {
        int[] ids = gguf.tokenizer().encode(text);
        assertArrayEquals(
            Arrays.stream(folder.encode(text)).filter(i -> i < 259).toArray(),
            Arrays.stream(ids).filter(i -> i < 259).toArray(), text);
        assertEquals(text, gguf.tokenizer().decode(ids, true));
      }
      assertTrue(gguf.tokenizer().isSpecial(259) && !gguf.tokenizer().isSpecial(261));
      assertEquals(
          "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
          gguf.renderer().render(List.of(Message.of("user", "hi"))).text());
    }
  }

  @Test
  void beginsWithBosWhereTheFileOrTheFamilySaysSo() throws IOException {
    try (Tokenizer none = Tokenizers.load(write(byteLevel("gpt-2")))) {
      assertEquals(1, none.encodeWithSpecialTokens("hi").length);
    }
    try (Tokenizer asked = Tokenizers.load(write(byteLevel("gpt-2").put("tokenizer.ggml.add_bos_token", true)))) {
      assertArrayEquals(new int[] {259, 256}, asked.encodeWithSpecialTokens("hi"));
    }
    try (Tokenizer family = Tokenizers.load(write(byteLevel("llama-bpe")))) {
      assertArrayEquals(new int[] {259, 256}, family.encodeWithSpecialTokens("hi"));
    }
  }

  @Test
  void everyKnownPreTokenizerKeepsTheText() throws IOException {
    String text = "Hello  wörld's 1234567 \t\n\n 中文、ひら! $x=y^2$ (a_b) \uD83D\uDE42 I'LL";
    for (PreTokenizer pre : PreTokenizer.values()) {
      TinyGguf gguf = byteLevel(pre == PreTokenizer.GPT2 ? "default" : pre.names().iterator().next());
      try (Tokenizer tokenizer = Tokenizers.load(write(gguf))) {
        assertEquals(text, tokenizer.decode(tokenizer.encode(text), false), pre.name());
      }
    }
  }

  @Test
  void namesWhatIsUnknownOrMissing() throws IOException {
    refuses(byteLevel("klingon"), "model_unsupported", "'klingon'", "smollm");
    refuses(new TinyGguf().put("tokenizer.ggml.model", "gpt2"), "model_invalid", "tokenizer.ggml.tokens");
    refuses(new TinyGguf().put("a", "b"), "model_invalid", "tokenizer.ggml.model");
    TinyGguf bert = new TinyGguf().put("tokenizer.ggml.model", "bert").putStrings("tokenizer.ggml.tokens",
        List.of("a"));
    refuses(bert, "model_unsupported", "'bert'");
    refuses(
        new TinyGguf().put("tokenizer.ggml.model", "llama").putStrings("tokenizer.ggml.tokens", List.of("a")),
        "model_invalid", "scores");
  }

  private void refuses(TinyGguf gguf, String errorClass, String... words) throws IOException {
    Path file = write(gguf);
    InferenceException e = assertThrows(InferenceException.class, () -> Tokenizers.load(file));
    assertEquals(errorClass, e.errorClass(), e.getMessage());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage());
    }
  }

  @Test
  void sentencePieceFallsBackToBytes() throws IOException {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      tokens.add(String.format("<0x%02X>", b));
    }
    tokens.addAll(List.of("▁", "h", "i", "hi", "▁hi"));
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    types[0] = 2;
    types[1] = CONTROL;
    types[2] = CONTROL;
    Arrays.fill(types, 3, 259, 6);
    float[] scores = new float[tokens.size()];
    scores[262] = -1;
    scores[263] = -2;
    TinyGguf gguf =
        new TinyGguf().put("tokenizer.ggml.model", "llama").putStrings("tokenizer.ggml.tokens", tokens)
            .putInts("tokenizer.ggml.token_type", types).putFloats("tokenizer.ggml.scores", scores)
            .put("tokenizer.ggml.bos_token_id", 1).put("tokenizer.ggml.eos_token_id", 2);
    try (Tokenizer tokenizer = Tokenizers.load(write(gguf))) {
      assertArrayEquals(new int[] {263, 263}, tokenizer.encode("hi hi"));
      assertArrayEquals(new int[] {1, 263}, tokenizer.encodeWithSpecialTokens("hi"));
      assertArrayEquals(new int[] {259, 3 + 0xc3, 3 + 0xa9}, tokenizer.encode("é"));
      assertEquals("é hi", tokenizer.decode(tokenizer.encode("é hi"), true));
      assertArrayEquals(new byte[] {(byte) 0xc3}, tokenizer.tokenBytes(3 + 0xc3));
      assertArrayEquals(" hi".getBytes(), tokenizer.tokenBytes(263));
      assertArrayEquals(new int[] {1}, tokenizer.encode("<s>"));
      assertTrue(Arrays.stream(tokenizer.encodePlain("<s>")).noneMatch(i -> i == 1 || i == 0));
    }
  }

  /** Published tokenizers written as a GGUF would hold them must encode as they do from their own files. */
  @Test
  void publishedTokenizersSurviveTheWayThroughGguf() throws IOException {
    for (Map.Entry<String, String> model : Map.of("qwen3", "qwen2", "deepseek_v3", "deepseek-v3").entrySet()) {
      Path folder = TextFixtures.root().resolve("tokenizers").resolve(model.getKey());
      Path unpacked = java.nio.file.Files.createDirectory(tmp.resolve(model.getKey()));
      JsonNode json =
          TextFixtures.JSON.readTree(TextFixtures.unpack(folder, unpacked).resolve("tokenizer.json").toFile());
      Path file = write(asGguf(json).put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", model.getValue()));
      int agreed = 0;
      List<JsonNode> cases = TextFixtures.lines(folder.resolve("encode.jsonl"));
      try (Tokenizer tokenizer = Tokenizers.load(file)) {
        for (JsonNode line : cases) {
          assertArrayEquals(TextFixtures.ints(line.get("ids")), tokenizer.encode(line.get("text").asText()),
              line.toString());
          agreed++;
        }
      }
      System.out.printf("%s as GGUF: %d of %d agree%n", model.getKey(), agreed, cases.size());
    }
  }

  private static TinyGguf asGguf(JsonNode json) {
    Map<Integer, String> tokens = new HashMap<>();
    Map<Integer, Integer> types = new HashMap<>();
    json.path("model").path("vocab").properties().forEach(e -> tokens.put(e.getValue().asInt(), e.getKey()));
    json.path("added_tokens")
        .forEach(
            added -> {
              tokens.put(added.path("id").asInt(), added.path("content").asText());
              types.put(added.path("id").asInt(), added.path("special").asBoolean() ? CONTROL : USER_DEFINED);
            });
    int n = 1 + tokens.keySet().stream().mapToInt(i -> i).max().orElseThrow();
    List<String> list = new ArrayList<>();
    int[] typeList = new int[n];
    for (int i = 0; i < n; i++) {
      list.add(tokens.getOrDefault(i, "[PAD" + i + "]"));
      typeList[i] = types.getOrDefault(i, NORMAL);
    }
    List<String> merges = new ArrayList<>();
    json.path("model").path("merges")
        .forEach(m -> merges.add(m.isArray() ? m.get(0).asText() + " " + m.get(1).asText() : m.asText()));
    return new TinyGguf().putStrings("tokenizer.ggml.tokens", list).putInts("tokenizer.ggml.token_type", typeList)
        .putStrings("tokenizer.ggml.merges", merges);
  }

  /** A sentencepiece tokenizer with scores in place of merges encodes as the merges do. */
  @Test
  void scoresStandForMerges() throws IOException {
    Path folder = TextFixtures.root().resolve("models/mistral-swa16-f16");
    JsonNode json = TextFixtures.JSON.readTree(folder.resolve("tokenizer.json").toFile());
    JsonNode vocab = json.path("model").path("vocab");
    List<String> tokens = new ArrayList<>(java.util.Collections.nCopies(vocab.size(), ""));
    vocab.properties().forEach(e -> tokens.set(e.getValue().asInt(), e.getKey()));
    float[] scores = new float[tokens.size()];
    Arrays.fill(scores, -1e6f);
    int rank = 0;
    for (JsonNode merge : json.path("model").path("merges")) {
      String whole = merge.isArray() ? merge.get(0).asText() + merge.get(1).asText() : merge.asText().replace(" ", "");
      scores[tokens.indexOf(whole)] = -++rank;
    }
    int[] types = new int[tokens.size()];
    for (int i = 0; i < types.length; i++) {
      types[i] = i == 0 ? 2 : i < 3 ? CONTROL : tokens.get(i).matches("<0x[0-9A-F]{2}>") ? 6 : NORMAL;
    }
    TinyGguf gguf =
        new TinyGguf().put("tokenizer.ggml.model", "llama").putStrings("tokenizer.ggml.tokens", tokens)
            .putInts("tokenizer.ggml.token_type", types).putFloats("tokenizer.ggml.scores", scores)
            .put("tokenizer.ggml.bos_token_id", 1).put("tokenizer.ggml.eos_token_id", 2);
    int agreed = 0;
    JsonNode cases = TextFixtures.JSON.readTree(folder.resolve("tokenizer_reference.json").toFile()).get("cases");
    try (Tokenizer tokenizer = Tokenizers.load(write(gguf))) {
      for (JsonNode line : cases) {
        String text = line.get("text").asText();
        assertArrayEquals(TextFixtures.ints(line.get("ids")), tokenizer.encode(text), text);
        assertArrayEquals(TextFixtures.ints(line.get("ids_with_special")), tokenizer.encodeWithSpecialTokens(text),
            text);
        agreed++;
      }
    }
    System.out.printf("mistral-swa16-f16 as GGUF with scores: %d of %d agree%n", agreed, cases.size());
  }
}
