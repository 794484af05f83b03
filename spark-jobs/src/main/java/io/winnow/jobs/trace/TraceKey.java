// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Makes {@code trace_id}, the content key of a trace: two traces have the same one exactly when everything that decides
 * their token stream is the same. It is the first 128 bits, in lower-case hex, of the SHA-256 of these bytes:
 *
 * <pre>
 *   winnow-trace-1\n                    version of this layout
 *   model=FINGERPRINT\n                 SHA-256 of the model's content
 *   tokenizer=FINGERPRINT\n             SHA-256 of the tokenizer: it decides where a stop string ends a trace
 *   weights=FORMAT\n                    the format in force, so that auto and its meaning are the same
 *   numerics=VERSION\n                  version of the order of arithmetic
 *   set.NAME=VALUE\n                    each setting with effect TOKENS but weights, sorted by name, canonical text;
 *                                       those at their neutral value are left out
 *   tokens=COUNT\n                      number of prompt tokens
 *   each prompt token id as 4 bytes     big-endian
 *   sample=INDEX\n
 * </pre>
 *
 * <p>Where the server renders the prompt there are no token ids; then a line {@code template=FINGERPRINT} stands behind
 * the numerics, of what is said to the server about rendering, and in place of the ids {@code messages=BYTES\n} and the
 * conversation as canonical JSON.
 *
 * <p>Where tokens end a sequence that the model's configuration does not name, a line {@code ends=[ID, ID]} with them,
 * ascending, stands behind the numerics and the template.
 *
 * <p>All text is UTF-8; canonical texts hold no line feeds (lists are JSON). {@code max_tokens} is not in it: a trace
 * cut there is a prefix of the longer one. A setting added later leaves existing keys alone as long as it is neutral.
 */
public final class TraceKey implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int ID_BYTES = 16;

  private final byte[] head;

  private TraceKey(byte[] head) {
    this.head = head;
  }

  /**
   * The part that all traces of a run share.
   *
   * @param values settings of the run
   * @param model the model; its weight format is what {@code --weights auto} means
   * @param numericsVersion names the order of arithmetic of the engine
   */
  public static TraceKey of(SettingValues values, ModelInfo model, String numericsVersion) {
    return of(values, model, numericsVersion, null);
  }

  /** As above, of whatever the spec opens. */
  public static TraceKey of(SettingValues values, ModelInfo model, RuntimeSpec spec) {
    return of(values, model, spec.numericsVersion(), spec.takesTokens() ? null : model.templateFingerprint());
  }

  private static TraceKey of(SettingValues values, ModelInfo model, String numericsVersion, String template) {
    Map<String, String> settings = new TreeMap<>(values.affectingTokens());
    settings.remove(GenerateSettings.WEIGHTS.name());
    String weights = weightFormat(values, model);
    StringBuilder text = new StringBuilder("winnow-trace-1\n");
    line(text, "model", model.fingerprint());
    line(text, "tokenizer", model.tokenizerFingerprint());
    line(text, "weights", weights);
    line(text, "numerics", numericsVersion);
    if (template != null) {
      line(text, "template", template);
    }
    if (!model.addedEnds().isEmpty()) {
      line(text, "ends", model.addedEnds().toString());
    }
    settings.forEach((name, value) -> line(text, "set." + name, value));
    return new TraceKey(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The weight format in force: that of the settings, or the model's own where they say auto. */
  public static String weightFormat(SettingValues values, ModelInfo model) {
    String weights = values.get(GenerateSettings.WEIGHTS);
    return weights.equals("auto") ? model.weightFormat() : weights;
  }

  /** The key of one sample. */
  public String traceId(int[] promptTokens, int sampleIndex) {
    return traceIds(promptTokens, new int[] {sampleIndex})[0];
  }

  /** The keys of several samples of one prompt, in the order of the indexes. */
  public String[] traceIds(int[] promptTokens, int[] sampleIndexes) {
    ByteBuffer ids = ByteBuffer.allocate(4 * promptTokens.length);
    ids.asIntBuffer().put(promptTokens);
    return traceIds("tokens=" + promptTokens.length + "\n", ids.array(), sampleIndexes);
  }

  /** The keys of several samples of a conversation that the server renders, in the order of the indexes. */
  public String[] traceIds(String conversation, int[] sampleIndexes) {
    byte[] bytes = conversation.getBytes(StandardCharsets.UTF_8);
    return traceIds("messages=" + bytes.length + "\n", bytes, sampleIndexes);
  }

  private String[] traceIds(String length, byte[] prompt, int[] sampleIndexes) {
    byte[] size = length.getBytes(StandardCharsets.UTF_8);
    String[] keys = new String[sampleIndexes.length];
    for (int i = 0; i < keys.length; i++) {
      MessageDigest digest = sha256();
      digest.update(head);
      digest.update(size);
      digest.update(prompt);
      digest.update(("sample=" + sampleIndexes[i] + "\n").getBytes(StandardCharsets.UTF_8));
      keys[i] = HexFormat.of().formatHex(digest.digest(), 0, ID_BYTES);
    }
    return keys;
  }

  private static void line(StringBuilder text, String name, String value) {
    Objects.requireNonNull(value, name);
    if (value.indexOf('\n') >= 0) {
      throw new IllegalArgumentException("A part of a trace's key must be one line: " + name + "=" + value);
    }
    text.append(name).append('=').append(value).append('\n');
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
