// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;

/** A tokenizer.json run by the Hugging Face tokenizers library. */
final class HfTokenizer implements Tokenizer {
  private static final byte[] NOTHING = {};

  private final String file;
  private final String json;
  private final TokenizerJson definition;
  private final Map<String, Integer> ids = new HashMap<>();
  private final BitSet controlIds = new BitSet();
  private final NativeTokenizer tokenizer;
  private final String fingerprint;
  private NativeTokenizer plain;
  private boolean closed;

  /**
   * Reads a definition.
   *
   * @param file where the definition comes from, for messages
   * @param tree what {@code json} says, null to parse it
   */
  HfTokenizer(String file, String json, JsonNode tree) {
    this.file = file;
    this.json = json;
    // The library reads the same text meanwhile: each takes a quarter of a second for a large vocabulary.
    FutureTask<NativeTokenizer> creation = new FutureTask<>(() -> create(json));
    Thread creator = new Thread(creation, "winnow-tokenizer");
    creator.setDaemon(true);
    creator.start();
    try {
      this.definition = tree == null ? TokenizerJson.parse(file, json) : TokenizerJson.of(file, tree);
      definition.tokens().forEach((id, token) -> ids.putIfAbsent(token, id));
      for (String control : definition.controls()) {
        controlIds.set(ids.get(control));
      }
      this.fingerprint = sha256(json);
    } catch (RuntimeException | Error e) {
      closeQuietly(creation);
      throw e;
    }
    this.tokenizer = ModelText.join(creation);
  }

  private static void closeQuietly(FutureTask<NativeTokenizer> creation) {
    try {
      ModelText.join(creation).close();
    } catch (RuntimeException e) {
      // The definition was refused twice; the first refusal is told.
    }
  }

  private NativeTokenizer create(String definitionJson) {
    try {
      return new NativeTokenizer(definitionJson);
    } catch (InferenceException e) {
      throw e;
    } catch (RuntimeException e) {
      throw InferenceErrors.modelInvalid(
          file, "the tokenizers library refuses it: " + e.getMessage(), "Check that it is a tokenizer.json.");
    }
  }

  @Override
  public int[] encode(String text) {
    return tokenizer.encode(text, false);
  }

  @Override
  public int[] encodePlain(String text) {
    return plain().encode(text, false);
  }

  /** Made when first needed: most prompts hold no control token, and a second vocabulary takes memory and a second. */
  private synchronized NativeTokenizer plain() {
    if (closed) {
      throw new IllegalStateException("The tokenizer has been closed");
    }
    if (plain == null) {
      plain = create(TokenizerJson.withoutControls(file, json));
    }
    return plain;
  }

  @Override
  public int[] encodeWithSpecialTokens(String text) {
    return tokenizer.encode(text, true);
  }

  @Override
  public String decode(int[] tokenIds, boolean skipSpecialTokens) {
    return tokenizer.decode(tokenIds, skipSpecialTokens);
  }

  @Override
  public byte[] tokenBytes(int id) {
    byte[][] bytes = definition.bytes();
    return id < 0 || id >= bytes.length || bytes[id] == null ? NOTHING : bytes[id];
  }

  @Override
  public boolean isSpecial(int id) {
    return id >= 0 && definition.special().get(id);
  }

  @Override
  public boolean isControl(int id) {
    return isSpecial(id) || id >= 0 && controlIds.get(id);
  }

  @Override
  public int tokenId(String token) {
    return ids.getOrDefault(token, -1);
  }

  @Override
  public int vocabSize() {
    return definition.bytes().length;
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  /** Tokens that must not come out of a message's content, longest first. */
  List<String> controlTokens() {
    return definition.controls();
  }

  @Override
  public synchronized void close() {
    closed = true;
    tokenizer.close();
    if (plain != null) {
      plain.close();
    }
  }

  static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("Every Java platform has SHA-256", e);
    }
  }
}
