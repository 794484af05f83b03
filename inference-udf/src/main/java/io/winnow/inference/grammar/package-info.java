// SPDX-License-Identifier: Apache-2.0
/**
 * What an answer must look like, as sets of tokens: a choice, a regular expression or a JSON schema becomes an
 * expression over characters, that a deterministic automaton over bytes, and its states, walked beside the vocabulary,
 * say which tokens may come next (Willard and Louf 2023, arXiv:2307.09702). Entry: {@link
 * io.winnow.inference.grammar.AnswerGrammars}.
 *
 * <p>Everything is bounded: what would take too many states is refused before any work starts, with the reason.
 *
 * <p>Not here: drawing tokens, and what a sequence is.
 */
package io.winnow.inference.grammar;
