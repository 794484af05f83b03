// SPDX-License-Identifier: Apache-2.0
/**
 * Text to token ids and back, and conversations to prompts. Entries: {@link io.winnow.inference.tokenizer.Tokenizers},
 * {@link io.winnow.inference.tokenizer.ModelText}, {@link io.winnow.inference.tokenizer.IncrementalDetokenizer}. Of the
 * checkpoint package it uses the metadata of GGUF files, nothing else.
 *
 * <p>Not here: weights, sampling, and any judgement of what a model wrote.
 */
package io.winnow.inference.tokenizer;
