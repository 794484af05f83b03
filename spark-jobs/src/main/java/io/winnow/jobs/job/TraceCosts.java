// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.Usage;
import io.winnow.inference.conf.PriceTable.Price;
import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Puts the price on each trace and counts on the way, for a budget, what finished traces have cost. Travels to the
 * tasks with {@link TraceRows}; one task's thread uses its copy.
 */
final class TraceCosts implements Serializable {
  private static final double NANODOLLARS = 1e9;

  private final Price price;
  /** Of finished traces: their cost in 1e-9 US dollars, and the tokens that the engine generated for them. */
  private final LongAccumulator nanodollars;
  private final LongAccumulator tokens;

  private transient Completion paid;
  /** On the driver: what tasks that failed in earlier passes had cost. */
  private transient long lostNanodollars;
  private transient LiveCounters.Reader ended;

  /** @param price null when there are no prices: then nothing costs anything known */
  TraceCosts(Price price, SparkContext context) {
    this.price = price;
    this.nanodollars = context.longAccumulator("winnow cost of finished traces");
    this.tokens = context.longAccumulator("winnow tokens of finished traces");
  }

  /**
   * US dollars of a trace by the price table; null without prices, or where a server does not count. What the engine did once is paid once: traces that
   * are copied, or share a completion with the row before, cost nothing, nor do rows that never reached the engine.
   *
   * @param c made by a request of the engine if its request id is above 0
   */
  Double of(Completion c, int promptTokens) {
    boolean engine = c.requestId() > 0 && c != paid;
    paid = c;
    if (price == null) {
      return null;
    }
    if (!engine) {
      return 0.0;
    }
    Usage usage = c.usage();
    boolean uncounted =
        usage != null && usage.billedPromptTokens() == 0 && usage.billedCompletionTokens() == 0;
    if (uncounted && price.rank() > 0 && c.finishReason() != FinishReason.ERROR && !c.text().isEmpty()) {
      return null; // the server counts nothing, and nobody knows what it bills
    }
    double cost =
        usage == null
            ? price.of(promptTokens, c.tokenIds().length, c.engineMillis())
            : price.of(
                usage.billedPromptTokens(), usage.billedCachedTokens(), usage.billedCompletionTokens(),
                c.engineMillis());
    nanodollars.add(Math.round(cost * NANODOLLARS));
    tokens.add(c.completionTokens());
    return cost;
  }

  /** A pass is over: what its failed tasks had cost was paid all the same. */
  synchronized void passEnds(LiveCounters.Reader reader) {
    lostNanodollars += reader.lost(nanodollars);
    ended = reader;
  }

  /**
   * What the run has cost so far: finished traces in full, those in the engine by what they have generated. Tasks that
   * failed count too, as their executors told last.
   *
   * @param generated tokens that the engine has generated in this run
   * @return 0 without prices
   */
  synchronized double soFar(LiveCounters.Reader reader, long generated) {
    if (price == null) {
      return 0;
    }
    long open = Math.max(0, generated - reader.sum(tokens) - reader.lost(tokens));
    long lost = lostNanodollars + (reader == ended ? 0 : reader.lost(nanodollars));
    long spent = reader.sum(nanodollars) + lost;
    return spent / NANODOLLARS + open * price.completionToken();
  }
}
