// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.util.Map;

/**
 * Everything an executor needs to build its engine; equal specs share one engine within a JVM.
 *
 * @param model a Hugging Face folder or a .gguf file: a path, or the address where it lies on a Hadoop file system
 * @param weights auto, f32, bf16, int8 or int4
 * @param threads engine threads, 0 for all cores of the executor
 * @param maxSequences sequences decoded together at most
 * @param kvCacheTokens token positions that the KV cache holds, 0 to size it from the memory that is there
 * @param kvCacheType how keys and values are held: f32, bf16 or int8
 * @param chatTemplate Jinja text in place of the model's own, or null
 * @param templateArgs further variables for the template (--template-arg)
 * @param remote the model's files as the driver found them at that address; null for a path, or if nobody has looked
 */
public record EngineSpec(
    String model,
    String weights,
    int threads,
    int maxSequences,
    int kvCacheTokens,
    String kvCacheType,
    String chatTemplate,
    Map<String, String> templateArgs,
    RemoteModel remote)
    implements Serializable {

  /** Names the order of arithmetic; part of every trace's key, so it changes when any bit of an operation does. */
  public static final String NUMERICS_VERSION = "portable-1";

  /** Of a model whose files nobody has looked for, with keys and values as f32. */
  public EngineSpec(
      String model, String weights, int threads, int maxSequences, int kvCacheTokens, String chatTemplate,
      Map<String, String> templateArgs) {
    this(model, weights, threads, maxSequences, kvCacheTokens, "f32", chatTemplate, templateArgs, null);
  }

  /** The same engine with keys and values held otherwise. */
  public EngineSpec withKvCacheType(String type) {
    return new EngineSpec(
        model, weights, threads, maxSequences, kvCacheTokens, type, chatTemplate, templateArgs, remote);
  }

  /** The same engine, of these files. */
  public EngineSpec of(RemoteModel files) {
    return new EngineSpec(
        model, weights, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, files);
  }

  /** The same engine, of the model at a path of this host. */
  public EngineSpec at(String path) {
    return new EngineSpec(
        path, weights, threads, maxSequences, kvCacheTokens, kvCacheType, chatTemplate, templateArgs, null);
  }

  public static EngineSpec ofModel(String model) {
    return new EngineSpec(model, "auto", 0, 64, 0, null, Map.of());
  }
}
