// SPDX-License-Identifier: Apache-2.0
/**
 * Answers of a given form as typed values. Entry: {@link io.winnow.jobs.label.LabelReader}, which is made of an {@link
 * io.winnow.inference.AnswerFormat}, says what type its labels have, and reads texts. It believes no runtime: a server
 * that ignores what it was asked for gives a text that is read here and refused. Patterns are those of
 * inference.grammar, so that what an answer is held to is also what it is read by. Not here: how answers are held to a
 * format, columns of tables (jobs.job), anything with Spark.
 */
package io.winnow.jobs.label;
