// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sampling;

import io.winnow.inference.conf.StopWhen;
import io.winnow.jobs.estimate.Normal;
import io.winnow.jobs.estimate.Wilson;
import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.Majority;
import java.util.ArrayList;
import java.util.List;

/** The rules of {@code --stop-when}. */
public final class SampleControllers {
  private SampleControllers() {}

  /** The rule of that setting. */
  public static SampleController of(StopWhen rule) {
    return switch (rule.kind()) {
      case CORRECT -> new Correct(rule.correct());
      case DECIDED -> new Decided(rule.low(), rule.high(), rule.confidence());
      case MAJORITY -> new MostFrequent(rule.share());
    };
  }

  private static int count(List<SampleOutcome> samples, boolean correct) {
    return (int) samples.stream().filter(sample -> Boolean.valueOf(correct).equals(sample.correct())).count();
  }

  /** So many samples are correct. */
  record Correct(int wanted) implements SampleController {
    @Override
    public boolean enough(List<SampleOutcome> samples, int most) {
      return count(samples, true) >= wanted;
    }
  }

  /**
   * The Wilson interval of the pass rate, correct samples of those that are decided, lies wholly below {@code low},
   * wholly above {@code high}, or wholly between them.
   */
  record Decided(double low, double high, double confidence) implements SampleController {
    @Override
    public boolean enough(List<SampleOutcome> samples, int most) {
      int correct = count(samples, true);
      int decided = correct + count(samples, false);
      if (decided == 0) {
        return false;
      }
      Wilson rate = Wilson.of(decided, correct, Normal.twoSided(confidence));
      return rate.high() < low || rate.low() > high || rate.low() > low && rate.high() < high;
    }
  }

  /**
   * The most frequent answer is settled: with a share, when it has that share of the samples, those without an answer
   * included; without one, when it leads by more than the samples that may still come.
   */
  record MostFrequent(double share) implements SampleController {
    @Override
    public boolean enough(List<SampleOutcome> samples, int most) {
      List<String> answers = new ArrayList<>();
      samples.forEach(sample -> answers.add(sample.answer()));
      Majority majority = Majority.of(answers, AnswerEquality.byMathematics());
      return share > 0
          ? majority.share() >= share // and not votes >= share · samples: .56 · 25 is more than 14
          : majority.answer() != null && majority.margin() > most - samples.size();
    }

    @Override
    public boolean readsAnswers() {
      return true;
    }
  }
}
