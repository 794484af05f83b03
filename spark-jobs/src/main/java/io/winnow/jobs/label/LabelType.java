// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import java.util.List;

/** The type of a label's values, which may be null wherever they stand. */
public sealed interface LabelType {
  /** What is no list and no struct. */
  enum Plain implements LabelType {
    /** {@link String}. */
    TEXT,
    /** {@link Long}. */
    INTEGER,
    /** {@link Double}. */
    NUMBER,
    /** {@link Boolean}. */
    BOOLEAN,
    /** Values of several types in one place: their JSON as a {@link String}. */
    JSON
  }

  /** Values are {@link List}s. */
  record ListOf(LabelType items) implements LabelType {}

  /** Values are lists of as many values as there are fields. */
  record Struct(List<Field> fields) implements LabelType {}

  /** A field of a struct. */
  record Field(String name, LabelType type) {}
}
