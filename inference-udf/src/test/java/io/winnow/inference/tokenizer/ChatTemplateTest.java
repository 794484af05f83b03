// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Expected texts are what Jinja2 3.1 with transformers' settings gives. */
class ChatTemplateTest {
  private static String render(String template, Object... pairs) {
    Map<String, Object> variables = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      variables.put((String) pairs[i], pairs[i + 1]);
    }
    return ChatTemplate.of(template).render(variables);
  }

  private static String refuses(String template, Object... pairs) {
    InferenceException e = assertThrows(InferenceException.class, () -> render(template, pairs), template);
    assertEquals("template_error", e.errorClass());
    return e.getMessage();
  }

  @Test
  void controlsWhitespaceAsJinja2() {
    assertEquals("a\nb\n", render("a\n{% if true %}\nb\n{% endif %}\n"));
    assertEquals("ab", render("a  \n {%- if true -%}  \n b{% endif %}"));
    assertEquals("x1y", render("x {{- 1 -}} y"));
    assertEquals("  y\n  z", render("  {{ 'y' }}\n  {# gone #}\n  z"));
    assertEquals("a  b", render("a {# c #} b"));
    assertEquals("ab", render("a {#- c -#} b"));
    assertEquals("  1\n", render("  {%+ if true %}1\n{% endif +%}\n"));
    assertEquals("{{ x }} {% y %}", render("{% raw %}{{ x }} {% y %}{% endraw %}"));
    assertEquals("ab", render("a {%- raw -%} b {%- endraw -%} "));
    assertEquals("}}{{%}", render("{{ '}}' }}{{ '{{' }}{{ '%}' }}"));
    assertEquals("{'a': {'b': 1}}", render("{{{'a': {'b': 1}}}}"));
    assertEquals("-1", render("{{ -1 }}"));
  }

  @Test
  void valuesAreNeverReadAsTemplates() {
    String text = "{{ 7*7 }}{% raw %}{# x #}\\n{{ y";
    assertEquals(text, render("{{ t }}", "t", text));
    assertEquals(text, render("{% for c in [t] %}{{ c }}{% endfor %}", "t", text));
    assertEquals(text, render("{% set x = t + '' %}{{ x | string }}", "t", text));
    assertEquals(text, render("{% set x %}{{ t }}{% endset %}{{ x }}", "t", text));
    assertEquals(text, render("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(t) }}", "t", text));
  }

  @Test
  void nothingOfJavaIsReachable() {
    for (String name : List.of("class", "getClass", "__class__", "toString", "length", "hashCode", "bytes",
        "codePoints")) {
      assertEquals("", render("{{ t." + name + " }}{{ t['" + name + "'] }}{{ l." + name + " }}{{ m." + name + " }}",
          "t", "x", "l", List.of(1), "m", Map.of("a", 1)));
      refuses("{{ t." + name + "() }}", "t", "x");
    }
    for (String code : List.of(
        "{{ ____int3rpr3t3r____.getConfig() }}", "{% include '/etc/passwd' %}", "{% import 'x' as y %}",
        "{% extends 'x' %}", "{{ ''.__class__.__mro__ }}", "{{ [].append(1) }}", "{{ {}.update({}) }}",
        "{% from 'x' import y %}", "{% do 1 %}", "{% nonsense %}", "{{ 'x' | render }}", "{{ lipsum() }}")) {
      refuses(code);
    }
    assertEquals("", render("{{ ____int3rpr3t3r____ }}"));
  }

  @Test
  void brokenTemplatesAreErrors() {
    for (String code : List.of(
        "{{", "{{ 1", "{% if true %}", "{% endif %}", "{{ 1 + }}", "{{ 'x }}", "{# x", "{% raw %}",
            "{% for x %}{% endfor %}",
        "{{ a b }}", "{{ (1 }}", "{% else %}", "{% set %}", "{{ x is }}", "{{ x | }}", "{{ 1 ? 2 }}", "{% break %}",
        "{{ [1,2 }}", "{{ " + "(".repeat(5000) + " }}", "{{ " + "-".repeat(5000) + "1 }}",
            "{{ 99999999999999999999 }}")) {
      refuses(code);
    }
  }

  @Test
  void runawayTemplatesAreStopped() {
    refuses("{{ 'x' * 999999999 }}");
    refuses("{{ range(100000000) | length }}");
    refuses("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
    refuses("{{ 2 ** 9999 }}");
    refuses("{{ '%99999999d' % 1 }}");
  }

  @Test
  void loopsScopesAndMacrosHavePythonsMeaning() {
    assertEquals("0,1,|3",
        render("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }},{% endfor %}|{{ 3 }}"));
    assertEquals("0,2,", render("{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }},{% endfor %}"));
    assertEquals("a1b2", render("{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}", "d",
        new java.util.TreeMap<>(Map.of("a", 1, "b", 2))));
    assertEquals("1", render("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}"));
    assertEquals("2", render("{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}"));
    assertEquals("[a:1][b:9]",
        render("{% macro m(x, y=1) %}[{{ x }}:{{ y }}]{% endmacro %}{{ m('a') }}{{ m('b', y=9) }}"));
    assertEquals("<in>", render("{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}"));
    assertEquals("x y", render("{% set a, b = 'x', 'y' %}{{ a }} {{ b }}"));
  }

  @Test
  void valuesPrintAndCompareAsInPython() {
    assertEquals("None True 1.0 [1, 'a'] {'k': None}", render("{{ n }} {{ b }} {{ f }} {{ l }} {{ m }}",
        "n", null, "b", true, "f", 1.0, "l", List.of(1, "a"), "m", java.util.Collections.singletonMap("k", null)));
    assertEquals("True False True", render("{{ 1 == 1.0 }} {{ '1' == 1 }} {{ 1 < 2 <= 2 }}"));
    assertEquals("1e+16 1234567.0 0.1 1e-07", render("{{ 1e16 }} {{ 1234567.0 }} {{ 0.1 }} {{ 0.0000001 }}"));
    assertEquals("['a', '', 'b'] ['x', 'y z']", render("{{ 'a,,b'.split(',') }} {{ ' x  y z'.split(None, 1) }}"));
    assertEquals("['a,b', 'c']", render("{{ 'a,b,c'.rsplit(',', 1) }}"));
    assertEquals(
        "{\"a\": [1, 2.0, true, null, \"é<&>'\\\"\"]}",
        render("{{ {'a': [1, 2.0, true, none, t]} | tojson }}", "t", "é<&>'\""));
    assertEquals("{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}", render("{{ {'a': [1], 'b': {}} | tojson(indent=2) }}"));
    assertEquals("\uD83D\uDE42b", render("{{ 'a\uD83D\uDE42b'[1:] }}"));
    refuses("{{ 1 + 'a' }}");
    refuses("{{ none + 'a' }}");
    refuses("{{ x.y.z }}");
    refuses("{{ 'a' in none }}");
  }

  @Test
  void theClockIsTheCallers() {
    Clock clock = Clock.fixed(Instant.parse("2024-07-06T05:04:03Z"), ZoneOffset.UTC);
    assertEquals("06 Jul 2024|2024-07-06 05:04",
        ChatTemplate.of("{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%Y-%m-%d %H:%M') }}", clock).render(Map.of()));
  }

  @Test
  void finalMessagesAreContinued() {
    ChatTemplate keeps = ChatTemplate.of("{% for m in messages %}[{{ m.role }}]{{ m.content }}<end>{% endfor %}");
    ChatTemplate trims =
        ChatTemplate.of("{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}<end>{% endfor %}");
    List<Map<String, Object>> chat = List.of(Map.of("role", "user", "content", "q"),
        Map.of("role", "assistant", "content", "a  "));
    assertEquals("[user]q<end>[assistant]a  ", keeps.renderChat(chat, null, false, true, Map.of()));
    assertEquals("[user]q<end>[assistant]a", trims.renderChat(chat, null, false, true, Map.of()));
    ChatTemplate drops = ChatTemplate.of("{{ messages[0].content }}");
    assertThrows(InferenceException.class, () -> drops.renderChat(chat, null, false, true, Map.of()));
  }

  @Test
  void oneTemplateServesManyThreads() throws Exception {
    ChatTemplate template = ChatTemplate.of(
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + loop.index %}"
            + "{{ m.content }}{% endfor %}{{ ns.n }}");
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Callable<String>> jobs = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      String text = "t" + i;
      jobs.add(() -> template.renderChat(List.of(Map.of("content", text), Map.of("content", text)), null, true, false,
          Map.of()));
    }
    List<Future<String>> results = pool.invokeAll(jobs);
    pool.shutdown();
    for (int i = 0; i < results.size(); i++) {
      assertEquals("t" + i + "t" + i + "3", results.get(i).get());
    }
  }

  /** A template of the shape that the first Llama 3 release has, against its references. */
  @Test
  void headersAndTrimmedContentsAreThoseOfLlama3() throws IOException {
    ChatTemplate template = ChatTemplate.of(
        "{% for m in messages %}{{ bos_token if loop.first }}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
            + "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
            + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}");
    List<JsonNode> lines = TextFixtures.lines(TextFixtures.root().resolve("tokenizers/llama3/chat.jsonl"));
    int agreed = 0;
    for (JsonNode line : lines) {
      List<Map<String, Object>> messages = new ArrayList<>();
      line.get("messages").forEach(m -> messages.add(TextFixtures.JSON.convertValue(m, Map.class)));
      assertEquals(
          line.get("rendered").asText(),
          template.renderChat(messages, null, line.get("add_generation_prompt").asBoolean(),
              line.get("continue_final_message").asBoolean(), Map.of("bos_token", "<|begin_of_text|>")),
          line.get("id").asText());
      agreed++;
    }
    assertTrue(agreed > 0);
    System.out.printf("llama3/chat.jsonl: %d of %d renderings agree%n", agreed, lines.size());
  }
}
