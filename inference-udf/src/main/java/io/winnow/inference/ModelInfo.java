// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.util.List;

/**
 * What a job needs to know of a model before any weight is loaded.
 *
 * @param name last part of its path
 * @param architecture model type, for example qwen2
 * @param fingerprint SHA-256 (hex) over the full content of the files that decide the tokens: weights, configuration
 * @param tokenizerFingerprint SHA-256 (hex) of the tokenizer
 * @param templateFingerprint SHA-256 (hex) of the chat template in force
 * @param weightFormat what {@code --weights auto} means for it: f32, bf16 or blocks (its own codes)
 * @param contextLength positions the model was made for
 * @param vocabSize token ids that the model knows: 0 to one less
 * @param parameters number of weights
 * @param weightBytes memory the weights take in that format
 * @param addedEnds tokens that end a sequence though the configuration, which the fingerprint is of, does not say so;
 *     ascending
 */
public record ModelInfo(
    String name,
    String architecture,
    String fingerprint,
    String tokenizerFingerprint,
    String templateFingerprint,
    String weightFormat,
    int contextLength,
    int vocabSize,
    long parameters,
    long weightBytes,
    List<Integer> addedEnds)
    implements Serializable {

  /** The part by which another model gives other traces; null where it is the same model. */
  public String partThatDiffers(ModelInfo other) {
    if (!fingerprint.equals(other.fingerprint)) {
      return "content";
    }
    if (!tokenizerFingerprint.equals(other.tokenizerFingerprint)) {
      return "tokenizer";
    }
    if (!templateFingerprint.equals(other.templateFingerprint)) {
      return "chat template";
    }
    return addedEnds.equals(other.addedEnds) ? null : "end of sequence";
  }
}
