// SPDX-License-Identifier: Apache-2.0
/**
 * The engine: many sequences decoded together, token by token (iteration-level batching, Yu et al. 2022, "Orca"), over
 * a KV cache in reference-counted pages (Kwon et al. 2023, arXiv:2309.06180). Entry: {@link
 * io.winnow.inference.engine.EmbeddedRuntime}.
 *
 * <p>Parts: {@code Scheduler} decides which tokens a step computes (a state machine without threads or arithmetic),
 * {@code AdmissionQueue} who is next, {@code BlockPool} counts pages, {@code PrefixTree} knows what is in them, {@code
 * StepRunner} computes and draws, {@code EngineCore} is the loop that joins them to the callers' sessions. What a sequence becomes never depends on what runs beside it.
 *
 * <p>Not here: text rendering, Spark.
 */
package io.winnow.inference.engine;
