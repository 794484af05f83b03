// SPDX-License-Identifier: Apache-2.0
/**
 * Answers of a given form as typed values. Entry: {@link io.winnow.jobs.label.LabelReader}, which is made of an {@link
 * io.winnow.inference.AnswerFormat}, says what type its labels have, and reads texts. It believes no runtime: a server
 * that ignores what it was asked for gives a text that is read here and refused. Not here: how answers are held to a
 * format (inference.grammar, inference.endpoint), columns of tables (jobs.job), anything with Spark.
 */
package io.winnow.jobs.label;
