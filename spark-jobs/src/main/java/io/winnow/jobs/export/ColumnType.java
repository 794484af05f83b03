// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** The type of a column, of those that JSON, Parquet and the features of Hugging Face's datasets all have. */
public sealed interface ColumnType extends Serializable {
  /** Plain values. */
  enum Scalar implements ColumnType {
    STRING("string"),
    BOOL("bool"),
    INT32("int32"),
    INT64("int64"),
    FLOAT32("float32"),
    FLOAT64("float64");

    private final String dtype;

    Scalar(String dtype) {
      this.dtype = dtype;
    }

    /** Its name in the features of a card. */
    public String dtype() {
      return dtype;
    }
  }

  /** A list of any length. */
  record ListOf(ColumnType element) implements ColumnType {}

  /** Named values. */
  record Struct(List<Field> fields) implements ColumnType {}

  /** A value of a struct. */
  record Field(String name, ColumnType type) implements Serializable {}

  /** Turns of a conversation, with further fields of texts. */
  static ColumnType messages(String... further) {
    List<Field> fields = new ArrayList<>();
    fields.add(new Field("role", Scalar.STRING));
    fields.add(new Field("content", Scalar.STRING));
    for (String name : further) {
      fields.add(new Field(name, Scalar.STRING));
    }
    return new ListOf(new Struct(List.copyOf(fields)));
  }

  /** As people write it: {@code list<struct<role, content>>}. */
  static String shown(ColumnType type) {
    if (type instanceof Scalar scalar) {
      return scalar.dtype();
    }
    if (type instanceof ListOf list) {
      return "list<" + shown(list.element()) + ">";
    }
    StringBuilder out = new StringBuilder("struct<");
    for (Field field : ((Struct) type).fields()) {
      out.append(out.length() == 7 ? "" : ", ").append(field.name()).append(": ").append(shown(field.type()));
    }
    return out.append('>').toString();
  }
}
