// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.InferenceErrors;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/**
 * How byte-level BPE cuts a text into words before merging, by the names that llama.cpp's converter writes into {@code
 * tokenizer.ggml.pre}. The patterns are those of the models' own tokenizer.json files; each cuts what the one before
 * left.
 */
enum PreTokenizer {
  GPT2(Set.of("gpt-2", "default", "olmo", "phi-2", "mpt"), false, false, false, Patterns.GPT2),
  SMOLLM(
      Set.of("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"),
      false, false, false, "\\p{N}", Patterns.GPT2),
  LLAMA3(
      Set.of("llama-bpe", "llama3", "llama-v3", "falcon3"), false, true, true,
      Patterns.CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" + Patterns.REST),
  QWEN2(Set.of("qwen2"), true, false, false, Patterns.QWEN2),
  DEEPSEEK_R1_QWEN(Set.of("deepseek-r1-qwen"), false, false, false, Patterns.QWEN2),
  DEEPSEEK_LLM(
      Set.of("deepseek-llm"), false, false, false,
      "[\\r\\n]", "\\s?[\\p{Lu}\\p{Ll}\\p{Lt}]+", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", "\\s+$", "[一-龥ࠀ-一가-\uD7FF]+",
          "\\p{N}"),
  DEEPSEEK_CODER(
      Set.of("deepseek-coder"), false, false, false,
      "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-\uD7FF]+", "\\p{N}"),
  DEEPSEEK_V3(
      Set.of("deepseek-v3"), false, false, false,
      "\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
  TEKKEN(
      Set.of("tekken"), false, true, true,
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
          + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

  private static final class Patterns {
    static final String GPT2 =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final String QWEN2 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + REST;
  }

  private final Set<String> names;
  private final boolean nfc;
  private final boolean wholeWords;
  private final boolean addBos;
  private final String[] patterns;

  PreTokenizer(Set<String> names, boolean nfc, boolean wholeWords, boolean addBos, String... patterns) {
    this.names = names;
    this.nfc = nfc;
    this.wholeWords = wholeWords;
    this.addBos = addBos;
    this.patterns = patterns;
  }

  static PreTokenizer of(String file, String name) {
    for (PreTokenizer pre : values()) {
      if (pre.names.contains(name)) {
        return pre;
      }
    }
    Set<String> known = new TreeSet<>();
    Arrays.stream(values()).forEach(pre -> known.addAll(pre.names));
    throw InferenceErrors.modelUnsupported(
        file, "its pre-tokenizer '" + name + "' is not known", "Known: " + String.join(", ", known) + ".");
  }

  /** The names in {@code tokenizer.ggml.pre} that mean this. */
  Set<String> names() {
    return names;
  }

  /** Whether text is brought to normal form C first. */
  boolean nfc() {
    return nfc;
  }

  /** Whether a word that is a token is that token, whatever the merges say. */
  boolean wholeWords() {
    return wholeWords;
  }

  /** Whether such models get a BOS where the file does not say. */
  boolean addBos() {
    return addBos;
  }

  ObjectNode json(boolean addPrefixSpace) {
    ObjectNode sequence = JsonNodeFactory.instance.objectNode().put("type", "Sequence");
    ArrayNode parts = sequence.putArray("pretokenizers");
    for (String pattern : patterns) {
      ObjectNode split = parts.addObject().put("type", "Split");
      split.putObject("pattern").put("Regex", pattern);
      split.put("behavior", "Isolated").put("invert", false);
    }
    parts.add(byteLevel(addPrefixSpace, false));
    return sequence;
  }

  static ObjectNode byteLevel(boolean addPrefixSpace, boolean useRegex) {
    return JsonNodeFactory.instance.objectNode().put("type", "ByteLevel").put("add_prefix_space", addPrefixSpace)
        .put("trim_offsets", true).put("use_regex", useRegex);
  }
}
