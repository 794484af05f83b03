// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.util.List;

/**
 * The shape of a decoder-only transformer.
 *
 * @param modelType llama, qwen2 …
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the MLP
 * @param layers number of blocks
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads}
 * @param headDim width of a head
 * @param rmsNormEps epsilon inside the root
 * @param rope rotary embedding
 * @param contextLength positions the model was made for
 * @param tiedEmbeddings whether the head is the embedding
 * @param slidingWindow positions a query sees, itself included; 0 for all
 * @param bosTokenId or -1
 * @param eosTokenIds tokens that end a sequence (config and generation_config together)
 */
public record ModelConfig(
    String modelType,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    double rmsNormEps,
    Rope rope,
    int contextLength,
    boolean tiedEmbeddings,
    int slidingWindow,
    int bosTokenId,
    List<Integer> eosTokenIds) {

  /**
   * Rotary position embedding, half-split pairs (i, i + headDim/2) as in Hugging Face's Llama.
   *
   * @param theta base
   * @param type default, linear or llama3
   * @param factor linear and llama3: scaling factor
   * @param lowFreqFactor llama3
   * @param highFreqFactor llama3
   * @param originalContextLength llama3
   * @param freqDivisors GGUF's rope_freqs: one divisor for each inverse frequency [headDim/2], or null
   */
  public record Rope(
      double theta,
      String type,
      double factor,
      double lowFreqFactor,
      double highFreqFactor,
      int originalContextLength,
      float[] freqDivisors) {}
}
