// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.refine.PassRateJob;
import java.util.List;

/** {@code winnow pass-rate}. */
public final class PassRateCommand implements Command {
  @Override
  public String name() {
    return "pass-rate";
  }

  @Override
  public String summary() {
    return "Says of each prompt how often its samples are right, and which prompts are neither too easy nor too hard.";
  }

  @Override
  public List<Setting<?>> settings() {
    return PassRateSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow pass-rate --traces target/traces --out target/rates",
        "winnow pass-rate --traces target/traces --k 1,2,4 --by difficulty --keep --out target/kept.jsonl",
        "winnow pass-rate --in graded.parquet --group-column id --correct-column score --majority=false --out rates");
  }

  @Override
  public void validate(SettingValues values) {
    PassRateSettings.validate(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    PassRateJob.Result result = PassRateJob.run(session.spark(), values, session.stop()::requested);
    PassRatePrinter.print(session.out(), result, values);
    return result.step().stopped() ? ExitCode.STOPPED : ExitCode.DONE;
  }
}
