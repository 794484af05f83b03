// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.VerifierSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads completions, golds and verifiers of rows. One task's; verifiers are made once for each name and parameters. */
final class VerifyCells {
  /** Rows may name as many verifiers as there are rows. */
  private static final int MOST_VERIFIERS = 1000;

  private final VerifyOptions options;
  private final LinkedHashMap<VerifierSpec, Verifier> verifiers =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<VerifierSpec, Verifier> eldest) {
          return size() > MOST_VERIFIERS;
        }
      };

  /** Why a row cannot be judged. */
  static final class Unusable extends Exception {
    private static final long serialVersionUID = 1L;

    Unusable(String message) {
      super(message, null, false, false);
    }
  }

  VerifyCells(VerifyOptions options) {
    this.options = options;
  }

  private static Cell cell(InputRow row, int at) {
    return at < 0 ? null : row.cell(at);
  }

  /** What is wrong, where: one sentence for the row's detail. */
  private Unusable unusable(InputRow row, int at, String what) {
    return new Unusable("Cannot judge " + row.place() + ": column '" + options.columns().get(at) + "' " + what + ".");
  }

  /** The text of the completion. */
  String completion(InputRow row) throws Unusable {
    if (row.errorClass() != null) {
      throw new Unusable(row.errorMessage());
    }
    Cell cell = cell(row, options.completion());
    if (cell == null) {
      throw unusable(row, options.completion(), "has no completion");
    }
    if (cell.isPlain()) {
      return cell.text();
    }
    JsonNode tree = cell.json();
    JsonNode last = null;
    for (JsonNode message : tree.isArray() ? tree : List.of(tree)) {
      if (!message.isObject() || !message.has("content")) {
        throw unusable(row, options.completion(), "holds " + cell.kind().shown() + " that is no conversation: expected"
            + " messages with role and content");
      }
      last = !tree.isArray() || message.path("role").asText().equals("assistant") ? message : last;
    }
    if (last == null) {
      throw unusable(row, options.completion(), "holds a conversation without a message of the assistant");
    }
    String text = text(last.get("content"));
    if (text == null) {
      throw unusable(row, options.completion(), "holds a message of the assistant without text");
    }
    return text;
  }

  /** Content is a text, or parts of which some are texts; null where there is none. */
  private static String text(JsonNode content) {
    if (content.isTextual()) {
      return content.textValue();
    }
    StringBuilder out = new StringBuilder();
    boolean some = false;
    for (JsonNode part : content) {
      JsonNode text = part.isTextual() ? part : part.path("text");
      if (text.isTextual()) {
        out.append(text.textValue());
        some = true;
      }
    }
    return some ? out.toString() : null;
  }

  /** Whether the row has a gold at all. */
  boolean hasGold(InputRow row) {
    return cell(row, options.gold()) != null;
  }

  /** The golds, any of which is right; null ones are left out. */
  List<String> golds(InputRow row) throws Unusable {
    Cell cell = cell(row, options.gold());
    if (cell == null) {
      return List.of();
    }
    if (cell.isPlain()) {
      return List.of(cell.text());
    }
    if (cell.kind() == Cell.Kind.OBJECT) {
      throw unusable(row, options.gold(), "holds an object where a text, a number or an array of these is expected");
    }
    List<String> golds = new ArrayList<>();
    for (JsonNode gold : cell.json()) {
      if (gold.isContainerNode()) {
        throw unusable(row, options.gold(), "holds an array with something else than texts and numbers");
      }
      if (!gold.isNull()) {
        golds.add(gold.isNumber() ? gold.decimalValue().toPlainString() : gold.asText());
      }
    }
    return golds;
  }

  /** By whom the row is judged. */
  VerifierSpec spec(InputRow row) throws Unusable {
    Cell name = cell(row, options.ownVerifier());
    Cell params = cell(row, options.ownParams());
    if (name == null && params == null) {
      if (options.verifier() == null) {
        throw unusable(row, options.ownVerifier(), "names no verifier, and there is no --verifier");
      }
      return options.verifier();
    }
    if (name != null && name.kind() != Cell.Kind.TEXT) {
      throw unusable(row, options.ownVerifier(), "holds " + name.kind().shown() + " where a verifier's name is"
          + " expected");
    }
    try {
      VerifierSpec spec = name == null ? options.verifier() : VerifierSpec.read(name.text());
      if (spec == null) {
        throw unusable(row, options.ownVerifier(), "names no verifier, and there is no --verifier");
      }
      return params == null || params.text().isBlank() ? spec : spec.with(VerifierSpec.params(params.text()));
    } catch (IllegalArgumentException e) {
      int at = params == null ? options.ownVerifier() : options.ownParams();
      throw unusable(row, at, "names no verifier that can be used: " + withoutFullStop(e.getMessage()));
    }
  }

  /** The verifier of {@link #spec}. */
  Verifier verifier(InputRow row) throws Unusable {
    VerifierSpec spec = spec(row);
    Verifier known = verifiers.get(spec);
    if (known != null) {
      return known;
    }
    try {
      Verifier made = spec.verifier();
      verifiers.put(spec, made);
      return made;
    } catch (IllegalArgumentException e) {
      int at = options.ownVerifier() >= 0 ? options.ownVerifier() : options.ownParams();
      throw unusable(row, at, "names no verifier that can be used: " + withoutFullStop(e.getMessage()));
    }
  }

  private static String withoutFullStop(String text) {
    return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
  }

  /** For each row its completion, null where there is none. */
  List<String> completions(List<InputRow> rows) {
    String[] out = new String[rows.size()];
    for (int i = 0; i < out.length; i++) {
      try {
        out[i] = completion(rows.get(i));
      } catch (Unusable e) {
        out[i] = null;
      }
    }
    return Arrays.asList(out);
  }
}
