// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A made-up model, written {@code scripted:KEY=VALUE,KEY=VALUE…} where the path of a model stands; {@code scripted:}
 * alone takes the defaults. For tests of durability and for load tests of a cluster, without weights.
 *
 * @param stepMillis {@code step-ms}: wall time of a step, 0 or more (default 0); changes no token
 * @param tokens {@code tokens}: mean length of the traces outside the tail, 1 to 100,000 (default 32); lengths spread
 *     evenly from half to one and a half times of it, and none is below 12
 * @param tail {@code tail}: share of traces that are ten times longer, 0 to 1 (default 0.1)
 * @param context {@code context}: positions of prompt and answer together, 16 to 1,000,000 (default 4,096)
 * @param crash {@code crash}: a prompt with this word ends the process as native code that fails does; null for none
 * @param fault {@code fault}: a step with a prompt that holds this word throws; null for none
 * @param nan {@code nan}: a prompt with this word gets logits that are not finite; null for none
 * @param loadMillis {@code load-ms}: how long it takes to load, 0 or more (default 0)
 */
public record ScriptParams(
    double stepMillis, int tokens, double tail, int context, String crash, String fault, String nan,
    double loadMillis) {

  private static final String PREFIX = "scripted:";
  private static final double LONGEST_STEP_MILLIS = 60_000;
  private static final int LONGEST_MEAN = 100_000;
  private static final int SHORTEST_CONTEXT = 16;
  private static final int LONGEST_CONTEXT = 1_000_000;
  private static final Pattern DECIMAL = Pattern.compile("[0-9]+(\\.[0-9]+)?|\\.[0-9]+");

  /** Whether that names a made-up model and no path. */
  public static boolean isScripted(String model) {
    return model.startsWith(PREFIX);
  }

  /**
   * Reads the parameters.
   *
   * @throws InferenceException model_invalid for a parameter that is not known, is there twice or is out of its range
   */
  public static ScriptParams of(String model) {
    if (!isScripted(model)) {
      throw new IllegalArgumentException("no made-up model: " + model);
    }
    Map<String, String> values = new LinkedHashMap<>();
    for (String parameter : model.substring(PREFIX.length()).split(",")) {
      if (parameter.isEmpty()) {
        continue;
      }
      int equals = parameter.indexOf('=');
      if (equals < 1 || equals == parameter.length() - 1) {
        throw InferenceErrors.scriptInvalid(model, "'" + parameter + "' is not KEY=VALUE");
      }
      if (values.put(parameter.substring(0, equals), parameter.substring(equals + 1)) != null) {
        throw InferenceErrors.scriptInvalid(model, parameter.substring(0, equals) + " is there twice");
      }
    }
    ScriptParams params =
        new ScriptParams(
            number(model, values, "step-ms", 0, 0, LONGEST_STEP_MILLIS),
            whole(model, values, "tokens", 32, 1, LONGEST_MEAN),
            number(model, values, "tail", 0.1, 0, 1),
            whole(model, values, "context", 4096, SHORTEST_CONTEXT, LONGEST_CONTEXT),
            values.remove("crash"), values.remove("fault"), values.remove("nan"),
            number(model, values, "load-ms", 0, 0, LONGEST_STEP_MILLIS));
    if (!values.isEmpty()) {
      throw InferenceErrors.scriptInvalid(model, "there is no parameter '" + values.keySet().iterator().next() + "'");
    }
    return params;
  }

  private static double number(
      String model, Map<String, String> values, String name, double absent, double least, double most) {
    String text = values.remove(name);
    if (text == null) {
      return absent;
    }
    double value = DECIMAL.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    if (!(value >= least && value <= most)) {
      throw InferenceErrors.scriptInvalid(
          model, String.format("%s is '%s' and not a number from %s to %s", name, text, plain(least), plain(most)));
    }
    return value;
  }

  private static int whole(String model, Map<String, String> values, String name, int absent, int least, int most) {
    String text = values.get(name);
    double value = number(model, values, name, absent, least, most);
    if (value != Math.rint(value)) {
      throw InferenceErrors.scriptInvalid(model, name + " is '" + text + "' and not a whole number");
    }
    return (int) value;
  }

  private static String plain(double bound) {
    return String.valueOf((long) bound);
  }

  /**
   * What decides the tokens of a trace, in one line. What breaks is not in it: a run without it goes on where one with
   * it ended.
   */
  public String canonical() {
    return "scripted-1 tokens=" + tokens + " tail=" + tail + " context=" + context;
  }
}
