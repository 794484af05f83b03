// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeacherSettingsTest {
  private static SettingValues values(String... more) {
    Map<String, List<String>> options = new HashMap<>();
    options.put("prompts", List.of("p"));
    options.put("out", List.of("o"));
    for (int i = 0; i < more.length; i += 2) {
      options.computeIfAbsent(more[i], name -> new ArrayList<>()).add(more[i + 1]);
    }
    return SettingValues.resolve(GenerateSettings.ALL, options, key -> null);
  }

  @Test
  void readsEachRule() {
    assertEquals(new RouteRule(RouteRule.Kind.ALL, null, List.of()), RouteRule.parse("all"));
    assertEquals(new RouteRule(RouteRule.Kind.COLUMN, "a:b", List.of()), RouteRule.parse("column:a:b"));
    assertEquals(
        new RouteRule(RouteRule.Kind.DIFFICULTY, "level", List.of(-1.0, 0.5)),
        RouteRule.parse("difficulty:level:-1, 0.5"));
    assertTrue(RouteRule.parse("cheapest").escalates());
    assertFalse(RouteRule.parse("column:x").escalates());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "some", "column:", "column", "difficulty:x", "difficulty::1", "difficulty:x:", "difficulty:x:1,1",
          "difficulty:x:2,1", "difficulty:x:NaN", "difficulty:x:1,,2", "cheapest:x"})
  void refusesWhatIsNoRule(String text) {
    UsageException e = assertThrows(UsageException.class, () -> values("route", text));
    assertTrue(e.getMessage().contains("it must be all, column:NAME"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"Host=a", "connection=close", "Content-Length=3", "EXPECT=100-continue", "Upgrade=h2c",
          "Transfer-Encoding=chunked"})
  void refusesHeadersThatTheConnectionSetsItself(String header) {
    UsageException e = assertThrows(UsageException.class, () -> values("endpoint-header", header));
    assertTrue(e.getMessage().contains("--endpoint-header") && e.getMessage().contains("Host,"), e.getMessage());
    String name = header.substring(0, header.indexOf('='));
    e = assertThrows(UsageException.class, () -> values("api-key-header", name));
    assertTrue(e.getMessage().contains("--api-key-header"), e.getMessage());
    assertEquals(
        List.of("X-Host=a"), values("endpoint-header", "X-Host=a").get(EndpointSettings.HEADER));
  }

  /** They are added up for a server of our own, and the sum must be nanoseconds that fit a long. */
  @Test
  void refusesTimesThatAddUpToMoreThanAClockCounts() {
    for (String name : List.of("endpoint-patience", "sidecar-startup-timeout")) {
      UsageException e = assertThrows(UsageException.class, () -> values(name, "31d"));
      assertTrue(e.getMessage().contains("--" + name) && e.getMessage().contains("30 days"), e.getMessage());
    }
    UsageException e = assertThrows(UsageException.class, () -> values("sidecar-restarts", "1001"));
    assertTrue(e.getMessage().contains("from 0 to 1000"), e.getMessage());
    SettingValues most =
        values("endpoint-patience", "30d", "sidecar-startup-timeout", "30d", "sidecar-restarts", "1000");
    assertTrue(
        most.get(EndpointSettings.PATIENCE)
            .plus(most.get(SidecarSettings.STARTUP_TIMEOUT).multipliedBy(most.get(SidecarSettings.RESTARTS) + 1L))
            .toNanos() > 0);
  }

  @Test
  void anOptionIsTheTeachersOwnByNameOrAddress() {
    String hosted = "big@https://host:8000/v1";
    List<SettingValues> each =
        TeacherSettings.each(
            values(
                "model", "models/small", "model", hosted, "temperature", "0.5", "teacher-option",
                "big:api-key-env=BIG_KEY", "teacher-option", hosted + ":temperature=1", "teacher-option",
                "small:system-prompt=Say a:b=c."));
    assertEquals(List.of("models/small"), each.get(0).get(GenerateSettings.MODEL));
    assertEquals(List.of(hosted), each.get(1).get(GenerateSettings.MODEL));
    assertEquals(0.5, each.get(0).get(GenerateSettings.TEMPERATURE));
    assertEquals(1.0, each.get(1).get(GenerateSettings.TEMPERATURE));
    assertEquals("BIG_KEY", each.get(1).get(EndpointSettings.API_KEY_ENV));
    assertTrue(each.get(0).find(EndpointSettings.API_KEY_ENV).isEmpty());
    assertEquals("Say a:b=c.", each.get(0).get(GenerateSettings.SYSTEM_PROMPT));
  }

  @Test
  void whatIsForEndpointsIsOfNoAccountForEngines() {
    SettingValues both =
        values(
            "model", "small", "model", "big@https://host/v1", "model-revision", "r1", "extra-body", "{\"a\": 1}",
            "weights", "int8");
    List<SettingValues> each = TeacherSettings.each(both);
    SettingValues small = values("model", "small", "weights", "int8");
    SettingValues big = values("model", "big@https://host/v1", "model-revision", "r1", "extra-body", "{\"a\": 1}");
    assertEquals(small.affectingTokens(), each.get(0).affectingTokens());
    assertEquals(big.affectingTokens(), each.get(1).affectingTokens());
    GenerateSettings.validate(both);
  }

  @Test
  void aSideCarIsOneTeachersAndNoneOfTheOthers() {
    String[] words = {
      "model", "R1@sidecar", "model", "big@https://host/v1", "model", "small", "sidecar", "vllm", "sidecar-args",
      "--x 1", "teacher-option", "big:api-key-env=BIG_KEY"
    };
    SettingValues all = values(words);
    GenerateSettings.validate(all);
    List<SettingValues> each = TeacherSettings.each(all);
    each.forEach(GenerateSettings::validate);
    assertEquals("--x 1", SidecarSettings.spec(each.get(0)).orElseThrow().args());
    assertTrue(SidecarSettings.spec(each.get(1)).isEmpty());
    assertTrue(each.get(2).find(SidecarSettings.SIDECAR).isEmpty());
    UsageException unused =
        assertThrows(
            UsageException.class,
            () -> GenerateSettings.validate(
                values("model", "a@https://host/v1", "model", "small", "sidecar", "vllm")));
    assertTrue(unused.getMessage().contains("no model is one of a side-car"), unused.getMessage());
    UsageException two =
        assertThrows(
            UsageException.class,
            () -> GenerateSettings.validate(values("model", "a@sidecar", "model", "b@sidecar:", "sidecar", "vllm")));
    assertTrue(two.getMessage().contains("beside another side-car"), two.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"nobody:temperature=1", "small:out=x", "small:model=y", "small:samples", "small:route=all"})
  void refusesOptionsThatAreNoTeachersOwn(String text) {
    assertThrows(
        UsageException.class,
        () -> TeacherSettings.each(values("model", "small", "model", "other", "teacher-option", text)));
  }
}
