// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Map;

/**
 * Everything an executor needs to build the embedded engine.
 *
 * @param model a Hugging Face folder or a .gguf file: a path, or the address where it lies on a Hadoop file system
 * @param weights auto, f32, bf16, int8 or int4
 * @param numerics portable or native: whose order of arithmetic the products have
 * @param threads engine threads, 0 for all cores of the executor
 * @param maxSequences sequences decoded together at most, 0 for as many as {@link #MOST_SEQUENCES}, or fewer where the
 *     memory is small
 * @param kvCacheTokens token positions that the KV cache holds, 0 to size it from the memory that is there
 * @param kvCacheType how keys and values are held: f32, bf16 or int8
 * @param chatTemplate Jinja text in place of the model's own, or null
 * @param templateArgs further variables for the template (--template-arg)
 * @param remote the model's files as the driver found them at that address; null for a path, or if nobody has looked
 * @param prefixCache whether keys and values are kept for prompts that begin with the same tokens
 */
public record EngineSpec(
    String model,
    String weights,
    String numerics,
    int threads,
    int maxSequences,
    int kvCacheTokens,
    String kvCacheType,
    String chatTemplate,
    Map<String, String> templateArgs,
    RemoteModel remote,
    boolean prefixCache)
    implements RuntimeSpec {

  /** Names the order of arithmetic; part of every trace's key, so it changes when any bit of an operation does. */
  public static final String NUMERICS_VERSION = "portable-1";

  /** The same of native numerics, whose products are those of AMX's tiles. */
  public static final String NATIVE_NUMERICS_VERSION = "native-amx-bf16-1";

  /** A value of {@code numerics}. */
  private static final String NATIVE = "native";

  /** Sequences decoded together where nobody says how many and the memory is there. */
  public static final int MOST_SEQUENCES = 256;

  /** Of a model whose files nobody has looked for, with keys and values as f32 and a prefix cache. */
  public EngineSpec(
      String model, String weights, int threads, int maxSequences, int kvCacheTokens, String chatTemplate,
      Map<String, String> templateArgs) {
    this(
        model, weights, "portable", threads, maxSequences, kvCacheTokens, "f32", chatTemplate, templateArgs, null,
        true);
  }

  /** The same engine, of these files. */
  public EngineSpec of(RemoteModel files) {
    return new EngineSpec(
        model, weights, numerics, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, files,
        prefixCache);
  }

  /** The same engine, of the model at a path of this host. */
  public EngineSpec at(String path) {
    return new EngineSpec(
        path, weights, numerics, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, null,
        prefixCache);
  }

  /** The same engine with keys and values held otherwise. */
  public EngineSpec withKvCacheType(String type) {
    return new EngineSpec(
        model, weights, numerics, threads, maxSequences, kvCacheTokens, type, chatTemplate, templateArgs, remote,
        prefixCache);
  }

  /** The same engine by another order of arithmetic: portable or native. */
  public EngineSpec withNumerics(String order) {
    return new EngineSpec(
        model, weights, order, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, remote,
        prefixCache);
  }

  /** The same engine on so many threads. */
  public EngineSpec withThreads(int number) {
    return new EngineSpec(
        model, weights, numerics, number, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, remote,
        prefixCache);
  }

  /** The same engine for so many sequences together, with a cache of so many positions. */
  public EngineSpec withRoom(int sequences, int tokens) {
    return new EngineSpec(
        model, weights, numerics, threads, sequences, tokens, kvCacheType, chatTemplate, templateArgs, remote,
        prefixCache);
  }

  /** The same engine, with or without a prefix cache. */
  public EngineSpec withPrefixCache(boolean kept) {
    return new EngineSpec(
        model, weights, numerics, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, remote,
        kept);
  }

  public static EngineSpec ofModel(String model) {
    return new EngineSpec(model, "auto", 0, 0, 0, null, Map.of());
  }

  /** Whether products are those of AMX's tiles. */
  public boolean nativeNumerics() {
    return numerics.equals(NATIVE);
  }

  @Override
  public String numericsVersion() {
    return nativeNumerics() ? NATIVE_NUMERICS_VERSION : NUMERICS_VERSION;
  }

  @Override
  public boolean reproducible() {
    return true;
  }

  @Override
  public boolean takesTokens() {
    return true;
  }
}
