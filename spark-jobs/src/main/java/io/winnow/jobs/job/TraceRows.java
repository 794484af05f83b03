// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.Usage;
import io.winnow.jobs.label.LabelException;
import io.winnow.jobs.label.LabelReader;
import io.winnow.jobs.trace.ParsedTrace;
import io.winnow.jobs.trace.TraceParser;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.Verifiers;
import java.io.Serializable;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/** Makes rows of {@code traces} out of planned rows and completions: parses, verifies, fills in the columns. */
final class TraceRows implements Serializable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * What all rows of a run have in common.
   *
   * @param tokenIds whether token ids are kept
   * @param promptLogprobs whether log-probabilities of the prompts' tokens are kept
   * @param verifiers names, in the order asked for; the first one decides {@code correct}
   * @param messagesGiven whether the prompts came as conversations
   * @param label the column of answers of a given form, or null
   */
  record Run(
      String runId,
      String model,
      String modelFingerprint,
      long seed,
      boolean tokenIds,
      boolean promptLogprobs,
      List<String> verifiers,
      boolean messagesGiven,
      LabelColumn label)
      implements Serializable {}

  private final Run run;
  private final StructType schema;
  private final TraceCosts costs;
  private transient List<Verifier> verifiers;
  private transient LabelReader labels;

  TraceRows(Run run, StructType schema, TraceCosts costs) {
    this.run = run;
    this.schema = schema;
    this.costs = costs;
  }

  /**
   * A row.
   *
   * @param planned row of {@link WorkPlan#rows}
   * @param traceId its key
   * @param sampleIndex the sample
   * @param given what the engine gave, or a failure as a completion with reason ERROR
   * @param attempts how often the row was tried before
   */
  Row row(Row planned, String traceId, int sampleIndex, Completion given, int attempts) {
    Map<String, Object> label = new HashMap<>();
    Completion c = labelled(planned, given, label);
    boolean failed = c.finishReason() == FinishReason.ERROR;
    ParsedTrace parsed = failed ? null : parse(planned, c.text());
    Map<String, Verdict> verdicts = failed ? Map.of() : verdicts(planned.getAs("gold"), c);
    Verdict first = verdicts.isEmpty() ? null : verdicts.values().iterator().next();
    Map<String, Object> values = new LinkedHashMap<>(label);
    values.put("prompt_id", planned.getAs("prompt_id"));
    values.put("trace_id", traceId);
    values.put("sample_index", sampleIndex);
    values.put("run_id", run.runId());
    values.put("model", run.model());
    values.put("model_fingerprint", run.modelFingerprint());
    values.put("correct", correct(first));
    values.put("finish_reason", c.finishReason().label());
    Usage usage = c.usage();
    int promptTokens = usage == null ? planned.getList(planned.fieldIndex("tokens")).size() : usage.promptTokens();
    // A server that does not count says nothing.
    values.put("prompt_tokens", usage != null && promptTokens == 0 ? null : (Integer) promptTokens);
    values.put(
        "completion_tokens",
        usage != null && c.completionTokens() == 0 && !c.text().isEmpty() ? null : (Integer) c.completionTokens());
    values.put("seed", run.seed());
    values.put("cost_usd", costs.of(given, promptTokens));
    values.put("engine_ms", c.engineMillis());
    values.put("created_at", Timestamp.from(Instant.now()));
    values.put(
        "error",
        failed ? RowFactory.create(c.errorClass(), c.errorMessage(), attempts + 1, nextAction(c)) : null);
    values.put("prompt", run.messagesGiven() ? null : planned.getAs("question"));
    values.put("messages", run.messagesGiven() ? messages(planned) : null);
    values.put("gold", planned.getAs("gold"));
    values.put("text", failed && c.completionTokens() == 0 ? null : c.text());
    values.put("think_end", parsed == null ? null : parsed.thinkEnd());
    values.put("answer", parsed == null ? null : parsed.answer());
    values.put("token_ids", run.tokenIds() && !failed && c.tokenIds() != null ? boxed(c.tokenIds()) : null);
    values.put("logprobs", failed || c.logprobs() == null ? null : boxed(c.logprobs()));
    if (run.promptLogprobs()) {
      values.put(
          "prompt_logprobs", failed || c.promptLogprobs() == null ? null : nullFirst(boxed(c.promptLogprobs())));
    }
    values.put("verdicts", verdicts.isEmpty() ? null : scalaMap(verdictRows(verdicts)));
    values.put("extra", extra(planned));
    return fill(values, planned);
  }

  Run run() {
    return run;
  }

  /** Puts the label among the values; what ended by itself and is none is a failure. One that was cut is neither. */
  private Completion labelled(Row planned, Completion c, Map<String, Object> values) {
    if (run.label() == null || c.finishReason() != FinishReason.STOP) {
      return c;
    }
    labels = labels == null ? run.label().reader() : labels;
    try {
      Integer thinkEnd = parse(planned, c.text()).thinkEnd();
      Object label = labels.read(c.text(), thinkEnd, planned.<Boolean>getAs("thinking"));
      values.put(run.label().name(), LabelColumn.value(label, labels.type()));
      return c;
    } catch (LabelException e) {
      return LabelColumn.refused(c, run.label().format(), e);
    }
  }

  private Row fill(Map<String, Object> values, Row planned) {
    Row kept = Arrays.asList(planned.schema().fieldNames()).contains("kept") ? planned.getAs("kept") : null;
    String[] names = schema.fieldNames();
    Object[] out = new Object[names.length];
    for (int i = 0; i < names.length; i++) {
      if (values.containsKey(names[i])) {
        out[i] = values.get(names[i]);
      } else if (kept != null && Arrays.asList(kept.schema().fieldNames()).contains(names[i])) {
        out[i] = kept.getAs(names[i]);
      }
    }
    return RowFactory.create(out);
  }

  private static ParsedTrace parse(Row planned, String text) {
    return planned.<Boolean>getAs("thinking") ? TraceParser.parseInsideThinking(text) : TraceParser.parse(text);
  }

  private Map<String, Verdict> verdicts(String gold, Completion c) {
    if (verifiers == null) {
      verifiers = run.verifiers().stream().map(name -> Verifiers.byName(name, Map.of())).toList();
    }
    Map<String, Verdict> out = new LinkedHashMap<>();
    for (Verifier verifier : verifiers) {
      boolean truncated = c.finishReason() == FinishReason.LENGTH;
      out.put(verifier.name(), verifier.verify(new VerificationRequest(gold, c.text(), truncated)));
    }
    return out;
  }

  private static Boolean correct(Verdict verdict) {
    if (verdict == null) {
      return null;
    }
    return switch (verdict.value()) {
      case CORRECT -> true;
      case INCORRECT -> false;
      case UNDECIDED, ERROR -> null;
    };
  }

  private static Map<String, Row> verdictRows(Map<String, Verdict> verdicts) {
    Map<String, Row> out = new LinkedHashMap<>();
    verdicts.forEach(
        (name, v) ->
            out.put(
                name,
                RowFactory.create(
                    v.value().label(), v.score(), v.extracted(), v.rule(), v.detail(), json(v.params()), v.version(),
                    v.micros())));
    return out;
  }

  private static String json(Map<String, String> params) {
    try {
      return JSON.writeValueAsString(params);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> scala.collection.Map<String, T> scalaMap(Map<String, T> map) {
    return CollectionConverters.asScala(map);
  }

  private static Object messages(Row planned) {
    int at = planned.fieldIndex("messages");
    if (planned.isNullAt(at)) {
      return null;
    }
    List<Row> out = new ArrayList<>();
    for (Row turn : planned.<Row>getList(at)) {
      out.add(RowFactory.create(turn.getString(0), turn.getString(1)));
    }
    return out.toArray(Row[]::new);
  }

  private static Object extra(Row planned) {
    Map<String, String> out = new LinkedHashMap<>();
    String note = planned.getAs("gold_note");
    if (note != null) {
      out.put("gold_note", note);
    }
    Long replaced = planned.getAs("replaced_bytes");
    if (replaced != null && replaced > 0) {
      out.put("replaced_bytes", replaced.toString());
    }
    return out.isEmpty() ? null : scalaMap(out);
  }

  /**
   * What concerns the row itself needs a mended row or setting; what concerns the engine may pass; what ends the
   * engine's process is not tried again without being asked for by name.
   */
  private static String nextAction(Completion c) {
    return switch (c.errorClass()) {
      case InferenceErrors.ENGINE_FAULT, InferenceErrors.ENDPOINT_FAILED, InferenceErrors.ENDPOINT_ANSWER_INVALID,
          LabelColumn.INVALID ->
          "retry";
      case InferenceErrors.ENGINE_CRASH -> "quarantine";
      default -> "skip";
    };
  }

  private static Integer[] boxed(int[] values) {
    return Arrays.stream(values).boxed().toArray(Integer[]::new);
  }

  /** The first token of a prompt has no log-probability. */
  private static Float[] nullFirst(Float[] values) {
    values[0] = null;
    return values;
  }

  private static Float[] boxed(float[] values) {
    Float[] out = new Float[values.length];
    for (int i = 0; i < values.length; i++) {
      out[i] = values[i];
    }
    return out;
  }
}
