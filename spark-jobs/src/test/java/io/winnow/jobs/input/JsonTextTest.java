// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class JsonTextTest {
  @Test
  void leavesMembersOutAndAllElseAsItWasWritten() {
    String text = "{ \"a\" : 1.0e3, \"b\":[1, {\"a\":2}],\"c\":\"\\u00e9}\", \"d\": null , \"e\":{\"x\": 1}}";
    assertEquals(
        "{\"b\":[1, {\"a\":2}], \"c\":\"\\u00e9}\", \"d\": null, \"e\":{\"x\": 1}}",
        JsonText.without(text, List.of("a", "x")));
    assertEquals(
        "{\"a\" : 1.0e3, \"c\":\"\\u00e9}\"}", JsonText.without(text, List.of("b", "d", "e")));
    assertEquals("{}", JsonText.without("{\"a\": \"b\"}", List.of("a")));
    assertEquals("{}", JsonText.without("{}", List.of("a")));
    assertEquals("{\"n\": -12.50}", JsonText.without("{\"a\":true,\"n\": -12.50}", List.of("a")));
  }
}
