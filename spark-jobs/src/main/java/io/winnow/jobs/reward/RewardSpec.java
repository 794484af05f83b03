// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import io.winnow.inference.conf.UsageException;
import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A reward as a command line names it.
 *
 * @param name a name that {@link Rewards#byName} knows
 * @param params its parameters, sorted by name
 * @param column name of the column that it becomes
 * @param weight its weight in the sum of all
 */
public record RewardSpec(String name, Map<String, String> params, String column, double weight)
    implements Serializable {
  private static final String WEIGHT = "weight";
  private static final String COLUMN = "as";

  public RewardSpec {
    params = Collections.unmodifiableMap(new TreeMap<>(params));
  }

  /**
   * Reads {@code NAME} or {@code NAME:KEY=VALUE,…} and makes sure that there is such a reward. Besides the reward's own
   * parameters there are {@code weight} (1 by default) and {@code as}, the column's name: by default the reward's, with
   * {@code _strict} behind it for a strict sibling.
   *
   * @throws UsageException for another form, an unknown reward, parameter or value
   */
  public static RewardSpec parse(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    Map<String, String> params = new TreeMap<>();
    for (String pair : colon < 0 ? new String[0] : text.substring(colon + 1).split(",", -1)) {
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw refused(
            text, "after the colon come KEY=VALUE pairs with commas between them, for example"
                + " repetition_penalty:ngram_size=4,weight=0.5.", null);
      }
      if (params.put(pair.substring(0, equals), pair.substring(equals + 1)) != null) {
        throw refused(text, "it gives " + pair.substring(0, equals) + " twice.", null);
      }
    }
    double weight = weight(text, params.remove(WEIGHT));
    String column = params.remove(COLUMN);
    if (column == null) {
      column = "true".equals(params.get(Rewards.STRICT)) ? name + "_strict" : name;
    } else if (!column.matches("[A-Za-z_][A-Za-z0-9_]*")) {
      throw refused(text, "the column's name behind as= must be letters, digits and _.", null);
    }
    RewardSpec spec = new RewardSpec(name, params, column, weight);
    try {
      spec.reward();
    } catch (IllegalArgumentException e) {
      throw refused(text, e.getMessage(), e);
    }
    return spec;
  }

  private static double weight(String text, String weight) {
    try {
      double value = weight == null ? 1 : Double.parseDouble(weight);
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw refused(text, "weight must be a number, not '" + weight + "'.", null);
  }

  private static UsageException refused(String text, String why, Exception cause) {
    return new UsageException("Cannot use --reward '" + text + "': " + why, cause);
  }

  /**
   * The reward.
   *
   * @throws IllegalArgumentException for an unknown reward, parameter or value
   */
  public Reward reward() {
    return Rewards.byName(name, params);
  }
}
