// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The rows of one file of JSON lines or CSV, in file order, in the shape {@link #SCHEMA}. */
final class FileRows implements Iterator<Row>, Closeable {
  /** What every source gives; {@code row} is JSON of the whole row and only there when options need it. */
  static final StructType SCHEMA =
      new StructType()
          .add("ordinal", DataTypes.LongType)
          .add("place", DataTypes.StringType)
          .add("error_class", DataTypes.StringType)
          .add("error_message", DataTypes.StringType)
          .add("id", DataTypes.StringType)
          .add("prompt", DataTypes.StringType)
          .add("messages", DataTypes.StringType)
          .add("gold", DataTypes.StringType)
          .add("row", DataTypes.StringType)
          .add("raw", DataTypes.StringType)
          .add("replaced_bytes", DataTypes.LongType);

  /** Columns in the order of the header. */
  private static final ObjectWriter AS_IT_STANDS =
      JsonLine.JSON.writer().without(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private final InputOptions options;
  private final String file;
  private final LineReader lines;
  private final CsvReader csv;
  private final List<String> header;
  private final Set<String> wanted;
  private long rows;
  private Row next;

  FileRows(Configuration conf, InputOptions options, String format, String file) throws IOException {
    this.options = options;
    this.file = SourceFiles.shown(file);
    lines = new LineReader(SourceFiles.open(conf, file));
    csv = format.equals("csv") ? new CsvReader(lines, SourceFiles.separator(file)) : null;
    header = csv == null ? null : header(csv, this.file);
    wanted = new HashSet<>();
    for (String column : new String[] {options.prompt(), options.messages(), options.gold(), options.id()}) {
      if (column != null) {
        wanted.add(column);
      }
    }
  }

  /** The column names of a CSV file; none when it is empty. */
  static List<String> header(CsvReader csv, String file) throws IOException {
    CsvReader.CsvRecord first = csv.next();
    if (first == null) {
      return List.of();
    }
    if (first.error() != null) {
      throw InputErrors.csvHeader(file, first.error());
    }
    Set<String> names = new HashSet<>();
    for (String name : first.fields()) {
      if (name == null || name.isBlank()) {
        throw InputErrors.csvHeader(file, "a column has no name");
      }
      if (!names.add(name)) {
        throw InputErrors.csvHeader(file, "column '" + name + "' is there twice");
      }
    }
    return first.fields();
  }

  @Override
  public boolean hasNext() {
    if (next == null && (options.limit() == 0 || rows < options.limit())) {
      try {
        next = csv == null ? nextJson() : nextCsv();
        if (next == null) {
          close();
        }
      } catch (IOException e) {
        throw new UncheckedIOException("Cannot read on in " + file + ": " + e.getMessage(), e);
      }
    }
    return next != null;
  }

  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    Row row = next;
    next = null;
    rows++;
    return row;
  }

  private Row nextJson() throws IOException {
    LineReader.Line line = lines.next();
    while (line != null && isBlank(line.bytes())) {
      line = lines.next();
    }
    if (line == null) {
      return null;
    }
    String place = "line " + line.number() + " of " + file;
    if (line.cut()) {
      return broken(line.number(), place, line.offset(), line.bytes(),
          "it is longer than " + LineReader.MAX_LINE_BYTES + " bytes");
    }
    Utf8.Decoded decoded = Utf8.decode(line.bytes(), 0, line.bytes().length);
    try {
      Map<String, JsonLine.Value> fields = JsonLine.parse(decoded.text(), wanted);
      return row(line.number(), place, fields, options.needsRow() ? decoded.text() : null, decoded.replacedBytes());
    } catch (JsonLine.NotAnObject e) {
      return broken(line.number(), place, line.offset(), line.bytes(), e.getMessage());
    }
  }

  private Row nextCsv() throws IOException {
    CsvReader.CsvRecord csvRecord = csv.next();
    if (csvRecord == null) {
      return null;
    }
    String place = "line " + csvRecord.line() + " of " + file;
    if (csvRecord.error() != null) {
      return broken(csvRecord.line(), place, csvRecord.offset(), csvRecord.raw(), csvRecord.error());
    }
    List<String> values = csvRecord.fields();
    if (values.size() != header.size()) {
      return broken(csvRecord.line(), place, csvRecord.offset(), csvRecord.raw(),
          "it has " + values.size() + " fields where the header has " + header.size());
    }
    Map<String, JsonLine.Value> fields = new LinkedHashMap<>();
    Map<String, String> texts = new LinkedHashMap<>();
    for (int i = 0; i < values.size(); i++) {
      if (values.get(i) != null) {
        fields.put(header.get(i), new JsonLine.Value(JsonLine.Kind.TEXT, values.get(i)));
      }
      texts.put(header.get(i), values.get(i));
    }
    try {
      String json = options.needsRow() ? AS_IT_STANDS.writeValueAsString(texts) : null;
      return row(csvRecord.line(), place, fields, json, csvRecord.replacedBytes());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A map of texts always has a JSON form.", e);
    }
  }

  private Row row(long line, String place, Map<String, JsonLine.Value> fields, String json, long replaced) {
    JsonLine.Value prompt = options.prompt() == null ? null : fields.get(options.prompt());
    JsonLine.Value id = options.id() == null ? null : fields.get(options.id());
    InputErrors.RowError error = null;
    if (prompt != null && isNested(prompt)) {
      String kind = prompt.kind() == JsonLine.Kind.ARRAY ? "an array" : "an object";
      error = InputErrors.promptInvalid(place, options.prompt(), kind);
    } else if (options.id() != null && (id == null || id.text().isBlank() || isNested(id))) {
      error = InputErrors.idMissing(place, options.id());
      id = null;
    }
    return RowFactory.create(
        line,
        place,
        error == null ? null : error.errorClass(),
        error == null ? null : error.message(),
        text(id),
        text(prompt),
        options.messages() == null ? null : text(fields.get(options.messages())),
        options.gold() == null ? null : text(fields.get(options.gold())),
        json,
        null,
        replaced);
  }

  private Row broken(long line, String place, long offset, byte[] raw, String why) {
    InputErrors.RowError error = InputErrors.brokenLine(place + " (byte " + offset + ")", why);
    Utf8.Decoded decoded = Utf8.decode(raw, 0, raw.length);
    return RowFactory.create(
        line, place, error.errorClass(), error.message(), null, null, null, null, null,
        PromptBuilder.hash("line", new String(raw, StandardCharsets.ISO_8859_1)), decoded.replacedBytes());
  }

  private static boolean isNested(JsonLine.Value value) {
    return value.kind() == JsonLine.Kind.ARRAY || value.kind() == JsonLine.Kind.OBJECT;
  }

  private static String text(JsonLine.Value value) {
    return value == null ? null : Utf8.withoutLoneSurrogates(value.text());
  }

  private static boolean isBlank(byte[] line) {
    for (byte b : line) {
      if (b != ' ' && b != '\t' && b != '\r') {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
