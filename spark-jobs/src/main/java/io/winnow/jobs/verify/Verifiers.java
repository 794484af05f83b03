// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.verify.mathverify.MathVerifyVerifier;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** All verifiers by name. */
public final class Verifiers {
  private static final TreeMap<String, Function<Map<String, String>, Verifier>> FACTORIES =
      new TreeMap<>(
          Map.of(
              MathVerifier.NAME, Verifiers::math,
              ChoiceVerifier.NAME, ChoiceVerifier::new,
              TextVerifier.EXACT, TextVerifier::exact,
              TextVerifier.NORMALIZED, TextVerifier::normalized,
              RegexVerifier.NAME, RegexVerifier::new,
              NumericVerifier.NAME, NumericVerifier::new));

  private Verifiers() {}

  private static Verifier math(Map<String, String> params) {
    return params.containsKey("compat") ? new MathVerifyVerifier(params) : new MathVerifier(params);
  }

  /** The names that {@link #byName} knows. */
  public static Set<String> names() {
    return Set.copyOf(FACTORIES.keySet());
  }

  /** The versions of all of them with their defaults, for those who may meet any. */
  public static String versions() {
    return FACTORIES.keySet().stream().map(name -> byName(name, Map.of()).version()).collect(Collectors.joining(" "));
  }

  /**
   * Makes a verifier, guarded: whatever it does, a row gets a verdict.
   *
   * @param params its parameters; empty for the defaults
   * @throws IllegalArgumentException for an unknown verifier, parameter or parameter value, with the known ones
   */
  public static Verifier byName(String name, Map<String, String> params) {
    Function<Map<String, String>, Verifier> factory = name == null ? null : FACTORIES.get(name);
    if (factory == null) {
      throw new IllegalArgumentException(
          "Unknown verifier '" + name + "'. Known verifiers: " + String.join(", ", FACTORIES.keySet()) + ".");
    }
    return new GuardedVerifier(factory.apply(params));
  }
}
