// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.reward.Reward;
import io.winnow.jobs.reward.Rewards;
import io.winnow.jobs.reward.Sample;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;

/** {@code winnow_reward(name, text[, gold[, params]])}. */
final class RewardOf extends SqlFunction {
  static final String NAME = "winnow_reward";
  private static final long serialVersionUID = 1L;
  /** Rows may name as many as there are rows. */
  private static final int MOST_REWARDS = 1000;

  private transient Map<Map<String, String>, Map<String, Reward>> rewards;

  RewardOf(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new RewardOf(newArguments);
  }

  @Override
  String refusal() {
    if (!(argument(0).dataType() instanceof StringType)) {
      return refused(0, "name", "the name of a reward");
    }
    if (!Arguments.isText(argument(1).dataType())) {
      return refused(1, "text", "the text of a completion");
    }
    if (arguments() > 2 && !Arguments.isText(argument(2).dataType())) {
      return refused(2, "gold", "a text or a number");
    }
    if (arguments() > 3 && !Arguments.isParams(argument(3).dataType())) {
      return refused(3, "params", "a map, a struct or a JSON object as text");
    }
    if (argument(0).foldable() && (arguments() < 4 || argument(3).foldable())) {
      Object name = argument(0).eval(null);
      try {
        reward(name == null ? "" : name.toString(), params(null));
      } catch (IllegalArgumentException e) {
        return e.getMessage();
      }
    }
    return null;
  }

  private Map<String, String> params(InternalRow input) {
    return arguments() < 4 ? Map.of() : Arguments.params(argument(3).eval(input), argument(3).dataType());
  }

  private Reward reward(String name, Map<String, String> params) {
    if (rewards == null || rewards.size() > MOST_REWARDS) {
      rewards = new HashMap<>();
    }
    return rewards.computeIfAbsent(params, p -> new HashMap<>()).computeIfAbsent(name, n -> checked(n, params));
  }

  private static Reward checked(String name, Map<String, String> params) {
    Reward reward = Rewards.byName(name, params);
    if (reward.ofGroup() || reward.needs().contains(Reward.Field.TOKENS)) {
      throw new IllegalArgumentException(
          NAME + " cannot compute the reward '" + name + "': it needs " + (reward.ofGroup() ? "all samples of a prompt"
              : "the number of tokens") + ". Take winnow score --reward " + name + ".");
    }
    return reward;
  }

  @Override
  public DataType dataType() {
    return DataTypes.DoubleType;
  }

  @Override
  public Object eval(InternalRow input) {
    Object name = argument(0).eval(input);
    Object text = name == null ? null : argument(1).eval(input);
    if (text == null) {
      return null;
    }
    String gold = arguments() < 3 ? null : Arguments.text(argument(2).eval(input));
    return reward(name.toString(), params(input)).of(Sample.of(Arguments.text(text), gold));
  }
}
