// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.InferenceErrors;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What a tokenizer.json says of its tokens.
 *
 * @param tokens token by id; ids may have gaps
 * @param bytes the bytes of each id within a text, by the definition's decoder
 * @param special ids that decoding skips
 * @param controls tokens that steer the model, longest first: special ones but for the marks of reasoning, and added
 *     ones in the shape {@code <|…|>} that their authors did not mark as special
 */
record TokenizerJson(
    TreeMap<Integer, String> tokens, byte[][] bytes, BitSet special, List<String> controls) {
  static final ObjectMapper MAPPER = new ObjectMapper();

  /** Marks of reasoning belong to what is said, not to who says it, even where they are special tokens. */
  private static final Pattern CONTENT_MARK = Pattern.compile("[<\\[]/?think(ing)?[>\\]]", Pattern.CASE_INSENSITIVE);

  /** DeepSeek's role markers, for one, are added tokens that are not marked as special. */
  private static final Pattern CONTROL_SHAPE = Pattern.compile("<[|｜].*[|｜]>", Pattern.DOTALL);

  static TokenizerJson parse(String file, String json) {
    return of(file, tree(file, json));
  }

  static TokenizerJson of(String file, JsonNode root) {
    TreeMap<Integer, String> tokens = new TreeMap<>();
    JsonNode vocab = root.path("model").path("vocab");
    if (vocab.isObject()) {
      vocab.properties().forEach(e -> tokens.put(e.getValue().asInt(-1), e.getKey()));
    } else if (vocab.isArray()) {
      for (int i = 0; i < vocab.size(); i++) {
        tokens.put(i, vocab.get(i).path(0).asText());
      }
    } else {
      throw InferenceErrors.modelInvalid(file, "it has no model.vocab", "Download it again.");
    }
    BitSet special = new BitSet();
    Set<String> controls = new LinkedHashSet<>();
    for (JsonNode added : root.path("added_tokens")) {
      int id = added.path("id").asInt(-1);
      String content = added.path("content").asText();
      tokens.put(id, content);
      if (isControl(added) && !content.isEmpty()) {
        controls.add(content);
      }
      if (id >= 0 && added.path("special").asBoolean()) {
        special.set(id);
      }
    }
    if (!tokens.isEmpty() && (tokens.firstKey() < 0 || tokens.lastKey() > 100_000_000)) {
      throw InferenceErrors.modelInvalid(
          file, "a token has the id " + (tokens.firstKey() < 0 ? tokens.firstKey() : tokens.lastKey()),
          "Download it again.");
    }
    TokenBytes decoder = TokenBytes.of(root.path("decoder"));
    byte[][] bytes = new byte[tokens.isEmpty() ? 0 : tokens.lastKey() + 1][];
    tokens.forEach((id, token) -> bytes[id] = decoder.bytes(token));
    return new TokenizerJson(
        tokens, bytes, special,
        controls.stream().sorted((a, b) -> Integer.compare(b.length(), a.length())).toList());
  }

  private static boolean isControl(JsonNode added) {
    String content = added.path("content").asText();
    return (added.path("special").asBoolean() || CONTROL_SHAPE.matcher(content).matches())
        && !CONTENT_MARK.matcher(content).matches();
  }

  /** The same tokenizer, but one in which no text can become a control token. */
  static String withoutControls(String file, String json) {
    ObjectNode root = (ObjectNode) tree(file, json);
    Set<String> removed = new LinkedHashSet<>();
    for (JsonNode added : root.path("added_tokens")) {
      if (isControl(added)) {
        removed.add(added.path("content").asText());
      }
    }
    Map<String, String> renamed = hideInVocabulary((ObjectNode) root.get("model"), removed);
    ArrayNode kept = MAPPER.createArrayNode();
    for (JsonNode added : root.path("added_tokens")) {
      String name = renamed.get(added.path("content").asText());
      if (!isControl(added)) {
        kept.add(added);
      } else if (name != null) {
        // They stay under another name, because the library numbers added tokens by their places.
        kept.add(((ObjectNode) added.deepCopy()).put("content", name));
      }
    }
    root.set("added_tokens", kept);
    root.putNull("post_processor");
    return root.toString();
  }

  /**
   * A control token can also be an entry of the vocabulary, where a whole-word match or a unigram lattice would find
   * it. It is renamed to what no text contains, unless merges make it, for then it is an ordinary token as well.
   *
   * @return the new names
   */
  private static Map<String, String> hideInVocabulary(ObjectNode model, Set<String> removed) {
    Set<String> merged = new HashSet<>();
    for (JsonNode merge : model.path("merges")) {
      String whole =
          merge.isArray() ? merge.path(0).asText() + merge.path(1).asText() : merge.asText().replaceFirst(" ", "");
      if (removed.contains(whole)) {
        merged.add(whole);
      }
    }
    Map<String, String> renamed = new HashMap<>();
    for (String token : removed) {
      if (!merged.contains(token)) {
        renamed.put(token, "\uffff\ufffe" + renamed.size());
      }
    }
    JsonNode vocab = model.get("vocab");
    if (vocab.isObject()) {
      ObjectNode map = (ObjectNode) vocab;
      renamed.forEach(
          (token, name) -> {
            JsonNode id = map.remove(token);
            if (id != null) {
              map.set(name, id);
            }
          });
    } else {
      for (JsonNode piece : vocab) {
        String name = renamed.get(piece.path(0).asText());
        if (name != null) {
          ((ArrayNode) piece).set(0, MAPPER.getNodeFactory().textNode(name));
        }
      }
    }
    String unknown = model.path("unk_token").asText(null);
    if (unknown != null && renamed.containsKey(unknown)) {
      model.put("unk_token", renamed.get(unknown));
    }
    return renamed;
  }

  private static JsonNode tree(String file, String json) {
    try {
      JsonNode root = MAPPER.readTree(json);
      if (root != null && root.isObject() && root.path("model").isObject()) {
        return root;
      }
    } catch (JsonProcessingException e) {
      throw InferenceErrors.modelInvalid(
          file, "it is not valid JSON (" + e.getOriginalMessage() + ")", "Download it again.");
    }
    throw InferenceErrors.modelInvalid(file, "it has no model", "Download it again.");
  }

  /** Which bytes a token's spelling stands for. */
  private record TokenBytes(boolean byteLevel, boolean byteFallback, boolean metaspace) {
    private static final Pattern HEX = Pattern.compile("<0x([0-9A-Fa-f]{2})>");
    private static final int[] BYTE_OF_CHAR = byteOfChar();

    static TokenBytes of(JsonNode decoder) {
      boolean byteLevel = false;
      boolean byteFallback = false;
      boolean metaspace = false;
      List<JsonNode> parts = decoder.path("type").asText().equals("Sequence")
          ? List.copyOf(list(decoder.path("decoders")))
          : List.of(decoder);
      for (JsonNode part : parts) {
        switch (part.path("type").asText()) {
          case "ByteLevel" -> byteLevel = true;
          case "ByteFallback" -> byteFallback = true;
          case "Metaspace" -> metaspace = true;
          case "Replace" -> metaspace |= part.path("pattern").path("String").asText().equals("▁");
          default -> { }
        }
      }
      return new TokenBytes(byteLevel, byteFallback, metaspace);
    }

    private static List<JsonNode> list(JsonNode array) {
      List<JsonNode> all = new java.util.ArrayList<>();
      array.forEach(all::add);
      return all;
    }

    byte[] bytes(String token) {
      if (byteLevel) {
        byte[] mapped = alphabetBytes(token);
        return mapped != null ? mapped : token.getBytes(StandardCharsets.UTF_8);
      }
      if (byteFallback) {
        var hex = HEX.matcher(token);
        if (hex.matches()) {
          return new byte[] {(byte) Integer.parseInt(hex.group(1), 16)};
        }
      }
      return (metaspace ? token.replace('▁', ' ') : token).getBytes(StandardCharsets.UTF_8);
    }

    /** Null when a character is not of the byte-level alphabet: then the decoder takes the token as it is. */
    private static byte[] alphabetBytes(String token) {
      byte[] out = new byte[token.length()];
      for (int i = 0; i < out.length; i++) {
        char c = token.charAt(i);
        if (c >= BYTE_OF_CHAR.length || BYTE_OF_CHAR[c] < 0) {
          return null;
        }
        out[i] = (byte) BYTE_OF_CHAR[c];
      }
      return out;
    }

    /** GPT-2's alphabet: printable Latin-1 stands for itself, the 68 other bytes for U+0100 onwards. */
    private static int[] byteOfChar() {
      int[] table = new int[0x100 + 68];
      java.util.Arrays.fill(table, -1);
      int next = 0x100;
      for (int b = 0; b < 256; b++) {
        boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
        table[printable ? b : next++] = b;
      }
      return table;
    }
  }
}
