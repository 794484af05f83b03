// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.checkpoint.GgufFile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer.json that says the same as a GGUF's {@code tokenizer.ggml.*}. Model {@code gpt2} is byte-level BPE
 * with the pre-tokenizer named by {@code tokenizer.ggml.pre}; model {@code llama} is sentencepiece BPE: merges follow
 * from the scores, characters outside the vocabulary fall back to bytes.
 */
final class GgufTokenizerJson {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final String file;
  private final GgufFile gguf;
  private final List<String> tokens;
  private final long[] types;

  private GgufTokenizerJson(String file, GgufFile gguf) {
    this.file = file;
    this.gguf = gguf;
    List<String> spelled = gguf.list("tokenizer.ggml.tokens", String.class);
    if (spelled == null) {
      throw broken("its metadata has no tokenizer.ggml.tokens");
    }
    tokens = unique(spelled);
    types = new long[tokens.size()];
    List<Long> given = gguf.list("tokenizer.ggml.token_type", Long.class);
    if (given != null && given.size() != types.length) {
      throw broken(
          String.format("it has %d tokens, but tokenizer.ggml.token_type has %d", types.length, given.size()));
    }
    for (int i = 0; i < types.length; i++) {
      types[i] = given == null ? NORMAL : given.get(i);
    }
  }

  static ObjectNode of(String file, GgufFile gguf) {
    String model = gguf.string("tokenizer.ggml.model");
    if (model == null) {
      throw InferenceErrors.modelInvalid(
          file, "its metadata has no tokenizer.ggml.model", "Use a file with a tokenizer in it.");
    }
    GgufTokenizerJson builder = new GgufTokenizerJson(file, gguf);
    return switch (model) {
      case "gpt2" -> builder.byteLevel();
      case "llama" -> builder.sentencePiece();
      default ->
          throw InferenceErrors.modelUnsupported(
              file, "its tokenizer model is '" + model + "', but only gpt2 and llama are known", "Use another file.");
    };
  }

  /** A token spelled twice is reachable by its first id only; the second keeps its id under a name no text contains. */
  private static List<String> unique(List<String> spelled) {
    Map<String, Integer> first = new HashMap<>();
    List<String> all = new ArrayList<>(spelled);
    for (int i = 0; i < all.size(); i++) {
      if (first.putIfAbsent(all.get(i), i) != null) {
        all.set(i, "\uffff\uffff" + i);
      }
    }
    return all;
  }

  private ObjectNode byteLevel() {
    List<String> merges = gguf.list("tokenizer.ggml.merges", String.class);
    if (merges == null) {
      throw broken("its tokenizer is of the model gpt2 but has no tokenizer.ggml.merges");
    }
    String preName = gguf.string("tokenizer.ggml.pre");
    PreTokenizer pre = PreTokenizer.of(file, preName == null ? "default" : preName);
    ObjectNode model = model();
    model.put("ignore_merges", pre.wholeWords());
    ArrayNode pairs = model.putArray("merges");
    for (String merge : merges) {
      int space = merge.indexOf(' ', 1);
      if (space < 0) {
        throw broken("its merge '" + merge + "' is no pair of tokens");
      }
      pairs.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
    }
    boolean addPrefixSpace = flag("add_space_prefix", false);
    ObjectNode root = root(model);
    root.set("normalizer", pre.nfc() ? JSON.objectNode().put("type", "NFC") : JSON.nullNode());
    root.set("pre_tokenizer", pre.json(addPrefixSpace));
    root.set("decoder", PreTokenizer.byteLevel(addPrefixSpace, true));
    root.set("post_processor", postProcessor(pre.addBos()));
    return root;
  }

  private ObjectNode sentencePiece() {
    List<Double> scores = gguf.list("tokenizer.ggml.scores", Double.class);
    if (scores == null || scores.size() != tokens.size()) {
      throw broken(
          String.format(
              "it has %d tokens, but %s in tokenizer.ggml.scores",
              tokens.size(), scores == null ? "none" : Integer.toString(scores.size())));
    }
    ObjectNode model = model();
    model.put("byte_fallback", true).put("fuse_unk", true).put("ignore_merges", false);
    for (int i = 0; i < types.length; i++) {
      if (types[i] == UNKNOWN) {
        model.put("unk_token", tokens.get(i));
      }
    }
    model.set("merges", mergesByScore(scores));
    boolean prefix = flag("add_space_prefix", true);
    ObjectNode root = root(model);
    ObjectNode normalizer = root.putObject("normalizer").put("type", "Sequence");
    ArrayNode normalizers = normalizer.putArray("normalizers");
    if (prefix) {
      normalizers.addObject().put("type", "Prepend").put("prepend", "▁");
    }
    normalizers.add(replace(" ", "▁"));
    root.putNull("pre_tokenizer");
    ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
    decoders.add(replace("▁", " "));
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    root.set("post_processor", postProcessor(true));
    return root;
  }

  private static ObjectNode replace(String from, String to) {
    ObjectNode replace = JSON.objectNode().put("type", "Replace");
    replace.putObject("pattern").put("String", from);
    return replace.put("content", to);
  }

  /**
   * Sentencepiece joins the neighbours whose union has the best score. As merge rules: every split of a piece into two
   * pieces, the better pieces first; splits of one piece, and pieces of one score, in the order of their ids.
   */
  private ArrayNode mergesByScore(List<Double> scores) {
    Map<String, Integer> pieces = new HashMap<>();
    for (int i = 0; i < types.length; i++) {
      if (types[i] == NORMAL || types[i] == USER_DEFINED) {
        pieces.put(tokens.get(i), i);
      }
    }
    record Merge(int piece, int left, int right, double score) {}
    List<Merge> merges = new ArrayList<>();
    pieces.forEach(
        (piece, id) -> {
          for (int cut = 1; cut < piece.length(); cut++) {
            Integer left = pieces.get(piece.substring(0, cut));
            Integer right = pieces.get(piece.substring(cut));
            if (left != null && right != null) {
              merges.add(new Merge(id, left, right, scores.get(id)));
            }
          }
        });
    merges.sort(
        Comparator.comparingDouble((Merge m) -> -m.score())
            .thenComparingInt(Merge::piece)
            .thenComparingInt(Merge::left)
            .thenComparingInt(Merge::right));
    ArrayNode pairs = JSON.arrayNode();
    merges.forEach(m -> pairs.addArray().add(tokens.get(m.left())).add(tokens.get(m.right())));
    return pairs;
  }

  private ObjectNode model() {
    ObjectNode model = JSON.objectNode().put("type", "BPE").putNull("dropout").putNull("unk_token");
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", false).put("byte_fallback", false);
    ObjectNode vocab = model.putObject("vocab");
    for (int i = 0; i < tokens.size(); i++) {
      vocab.put(tokens.get(i), i);
    }
    return model;
  }

  private ObjectNode root(ObjectNode model) {
    ObjectNode root = JSON.objectNode().put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    for (int i = 0; i < types.length; i++) {
      if ((types[i] == UNKNOWN || types[i] == CONTROL || types[i] == USER_DEFINED) && !tokens.get(i).isEmpty()) {
        added.addObject().put("id", i).put("content", tokens.get(i)).put("single_word", false).put("lstrip", false)
            .put("rstrip", false).put("normalized", false).put("special", types[i] != USER_DEFINED);
      }
    }
    root.set("model", model);
    return root;
  }

  /** BOS and EOS where the file asks for them, or else where llama.cpp adds them to such models. */
  private com.fasterxml.jackson.databind.JsonNode postProcessor(boolean addBosByDefault) {
    int bos = flag("add_bos_token", addBosByDefault) ? id("bos_token_id") : -1;
    int eos = flag("add_eos_token", false) ? id("eos_token_id") : -1;
    if (bos < 0 && eos < 0) {
      return JSON.nullNode();
    }
    ObjectNode template = JSON.objectNode().put("type", "TemplateProcessing");
    ObjectNode used = JSON.objectNode();
    for (String kind : List.of("single", "pair")) {
      ArrayNode parts = template.putArray(kind);
      for (String sequence : kind.equals("single") ? List.of("A") : List.of("A", "B")) {
        int typeId = sequence.equals("A") ? 0 : 1;
        special(parts, used, bos, typeId);
        parts.addObject().putObject("Sequence").put("id", sequence).put("type_id", typeId);
        special(parts, used, eos, typeId);
      }
    }
    template.set("special_tokens", used);
    return template;
  }

  private void special(ArrayNode parts, ObjectNode used, int id, int typeId) {
    if (id < 0) {
      return;
    }
    String token = tokens.get(id);
    parts.addObject().putObject("SpecialToken").put("id", token).put("type_id", typeId);
    ObjectNode entry = used.putObject(token).put("id", token);
    entry.putArray("ids").add(id);
    entry.putArray("tokens").add(token);
  }

  private boolean flag(String name, boolean otherwise) {
    return gguf.metadata().get("tokenizer.ggml." + name) instanceof Boolean given ? given : otherwise;
  }

  private int id(String name) {
    long id = gguf.number("tokenizer.ggml." + name, -1);
    return id >= 0 && id < tokens.size() ? (int) id : -1;
  }

  private InferenceException broken(String why) {
    return InferenceErrors.modelInvalid(file, why, "Download it again.");
  }
}
