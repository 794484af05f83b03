// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * A prompt as the model sees it.
 *
 * @param text the rendered template, for people
 * @param tokenIds what is fed to the model
 */
public record RenderedPrompt(String text, int[] tokenIds) {}
