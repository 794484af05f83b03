// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.RenderedPrompt;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.AdaptiveSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.RouteRule;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.inference.udf.Conversations;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.input.PromptSource;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.trace.Prompt;
import io.winnow.jobs.trace.TraceKey;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** What {@code generate} would do: a prompt as the model sees it, its tokens, the plan. Writes nothing. */
public final class DryRun {
  private DryRun() {}

  /** The text to show. */
  public static String describe(SparkSession spark, SettingValues asked) {
    List<String> models = asked.get(GenerateSettings.MODEL);
    if (models.size() > 1) {
      return ofTeachers(spark, asked, models);
    }
    SettingValues values = ModelDefaults.applied(asked);
    GenerateOptions options = GenerateOptions.of(values);
    RuntimeSpec spec = options.runtime();
    ModelInfo model = options.describe(values);
    Prompts prompts = PromptSource.open(spark, values);
    long total = prompts.counts().total() * options.samples();
    StringBuilder out = new StringBuilder();
    if (spec instanceof EndpointSpec endpoint) {
      line(out, "Model", "%s at %s", endpoint.name(),
          endpoint.sidecar() ? "each executor's own server" : String.join(", ", endpoint.urls()));
      line(out, "Fingerprint", "%s", model.fingerprint());
      line(out, "Endpoint", "%s in %s, %d to %d requests open at each address", endpoint.api().label(),
          endpoint.wire().stream() ? "streams" : "whole answers", endpoint.limits().leastConcurrency(),
          endpoint.limits().mostConcurrency());
    } else {
      line(out, "Model", "%s (%s, %,d parameters, context %,d)", spec.model(), model.architecture(), model.parameters(),
          model.contextLength());
      line(out, "Weights", "%s, %,.1f MB", TraceKey.weightFormat(values, model), model.weightBytes() / 1e6);
      line(out, "Fingerprint", "%s", model.fingerprint());
      line(out, "Engine", "up to %d sequences together", EngineHost.sequences(spec));
    }
    String defaults = ModelDefaults.described(values);
    if (defaults != null) {
      line(out, "Defaults", "%s", defaults);
    }
    if (options.sampling().answer() != null) {
      line(out, "Answers", "%s", options.sampling().answer().described());
    }
    line(out, "Prompts", "%,d (%s)", prompts.counts().total(), prompts.format());
    prompts.counts().failedByClass().forEach((name, n) -> line(out, "", "%,d cannot be used: %s", n, name));
    line(out, "Traces", "%,d = %,d prompts x %d samples", total, prompts.counts().total(), options.samples());
    if (options.known() != null) {
      List<Integer> ends = AdaptiveSettings.ends(values);
      line(out, "At most", "each prompt ends by %s, decided after %s samples", values.get(AdaptiveSettings.STOP_WHEN),
          ends.stream().map(String::valueOf).collect(Collectors.joining(", ")));
    }
    if (!options.out().isEmpty() && exists(spark, options.out())) {
      line(out, "Table", "%s exists; only what it lacks would be made", options.out());
    } else {
      line(out, "Table", "%s would be created", options.out().isEmpty() ? "(no --out given)" : options.out());
    }
    List<Row> good = prompts.rows().filter("error is null").orderBy("ordinal", "prompt_id").limit(1).collectAsList();
    if (good.isEmpty()) {
      out.append("No prompt can be rendered: every row has an error.\n");
      return out.toString();
    }
    Prompt prompt = Prompts.prompt(good.get(0));
    line(out, "Prompt", "%s, gold %s", prompt.id(), prompt.gold());
    if (spec instanceof EngineSpec engine) {
      rendered(out, EngineHost.renderer(engine).render(prompt.messages()));
    } else {
      out.append("--- messages ---\n").append(Conversations.text(prompt.messages())).append('\n');
    }
    return out.append("Nothing was written.\n").toString();
  }

  private static void rendered(StringBuilder out, RenderedPrompt rendered) {
    out.append("--- rendered ---\n").append(rendered.text());
    out.append(rendered.text().endsWith("\n") ? "" : "\n");
    out.append("--- ").append(rendered.tokenIds().length).append(" tokens ---\n");
    for (int i = 0; i < rendered.tokenIds().length; i++) {
      out.append(i == 0 ? "" : i % 16 == 0 ? "\n" : " ").append(rendered.tokenIds()[i]);
    }
    out.append('\n');
  }

  /** Each teacher's prompts, and one of them as it sees it; of rules that escalate, those of the first are all. */
  private static String ofTeachers(SparkSession spark, SettingValues values, List<String> models) {
    List<Teacher> teachers = Teacher.of(values);
    RouteRule rule = TeacherSettings.route(values);
    Prompts prompts = PromptRoutes.opened(spark, values, rule).prompts();
    PromptRoutes routes = PromptRoutes.of(spark, values, rule, teachers, prompts);
    StringBuilder out = new StringBuilder();
    line(out, "Teachers", "%d, --route %s", models.size(), values.get(TeacherSettings.ROUTE));
    for (int i = 0; i < models.size(); i++) {
      boolean open = rule.escalates() && i > 0;
      String share = open ? "what is not solved before" : String.format(Locale.ROOT, "%,d prompts",
          routes.share(i).counts().total());
      line(out, "", "%d. %s: %s", i + 1, routes.teachers().get(i).address(), share);
    }
    for (Teacher teacher : routes.teachers()) {
      out.append('\n').append(describe(spark, teacher.values()));
    }
    return out.toString();
  }

  private static boolean exists(SparkSession spark, String table) {
    return TraceTable.isName(table) ? spark.catalog().tableExists(table) : TraceTable.exists(spark, table);
  }

  private static void line(StringBuilder out, String name, String format, Object... values) {
    out.append(String.format(Locale.ROOT, "%-12s ", name));
    out.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
