// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The formats of answers that a model is asked for, each made once. Any number of threads may ask for one; the states
 * of answers belong to one thread together.
 */
public final class AnswerGrammars {
  private static final int KEPT = 8;

  private final Tokenizer tokenizer;
  private final int vocabSize;
  private final Set<Integer> ends;
  private Vocabulary vocabulary;
  private ThinkingMarks thinking;
  private final Map<Key, Grammar> kept = latest();
  /** Why formats are none, which may take a second to find out. */
  private final Map<Key, String> refused = latest();

  /** What stands before an answer: nothing, thinking that the prompt opened, or what the model likes. */
  private enum Thinking {
    NONE, OPEN, OPTIONAL
  }

  private record Key(AnswerFormat format, Thinking thinking) {}

  /** A format, for the model that it was asked for. */
  public static final class Grammar {
    private final TokenMasks masks;

    private Grammar(TokenMasks masks) {
      this.masks = masks;
    }

    /** An answer of which there is nothing yet. */
    public AnswerState start() {
      return new AnswerState(masks);
    }
  }

  /**
   * For a model; its vocabulary is read when the first format is asked for.
   *
   * @param vocabSize tokens that the model has logits for
   * @param ends its end-of-sequence tokens
   */
  public AnswerGrammars(Tokenizer tokenizer, int vocabSize, Set<Integer> ends) {
    this.tokenizer = tokenizer;
    this.vocabSize = vocabSize;
    this.ends = Set.copyOf(ends);
  }

  /**
   * The grammar of a format: milliseconds when it is asked for the first time, and a second or two at most.
   *
   * @throws io.winnow.inference.InferenceException answer_format_invalid, when it is none, would take too much, or this
   *     model's tokens cannot spell any answer of it
   */
  public Grammar of(AnswerFormat format) {
    return of(format, Thinking.NONE);
  }

  /**
   * As above, for the answers to a prompt: where it ends in {@code <think>} the format begins behind the thinking.
   *
   * @param prompt token ids
   * @param mayThink whether an answer may also begin with thinking that the prompt does not open
   */
  public Grammar of(AnswerFormat format, int[] prompt, boolean mayThink) {
    // Where the mark is left out of texts, nobody could tell the answer from the thinking.
    boolean seen = !tokenizer.isSpecial(tokenizer.tokenId(ThinkingMarks.CLOSE));
    boolean open = seen && ThinkingMarks.opens(tokenizer, prompt);
    return of(format, open ? Thinking.OPEN : mayThink ? Thinking.OPTIONAL : Thinking.NONE);
  }

  /** A map that keeps what was asked for last. */
  private static <V> Map<Key, V> latest() {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<Key, V> eldest) {
        return size() > KEPT;
      }
    };
  }

  private synchronized Grammar of(AnswerFormat format, Thinking thinks) {
    Key key = new Key(format, thinks);
    if (refused.containsKey(key)) {
      throw InferenceErrors.answerFormatInvalid(format, refused.get(key));
    }
    Grammar grammar = kept.get(key);
    if (grammar == null) {
      try {
        Expression answer = expression(format);
        Automaton automaton = whole(answer);
        if (thinks != Thinking.NONE) {
          boolean open = thinks == Thinking.OPEN;
          automaton = open ? ThinkingText.open(answer, automaton) : ThinkingText.optional(answer, automaton);
        }
        if (vocabulary == null) {
          vocabulary = new Vocabulary(tokenizer, vocabSize, ends);
        }
        grammar = new Grammar(new TokenMasks(automaton, vocabulary));
      } catch (GrammarRefusal e) {
        refused.put(key, e.getMessage());
        throw InferenceErrors.answerFormatInvalid(format, e.getMessage());
      }
      kept.put(key, grammar);
    }
    return grammar;
  }

  /**
   * How thinking is ended.
   *
   * @throws io.winnow.inference.InferenceException thinking_budget_invalid, when this model's tokens cannot spell it
   */
  public synchronized ThinkingMarks thinking() {
    if (thinking == null) {
      try {
        thinking = new ThinkingMarks(tokenizer, vocabSize);
      } catch (IllegalArgumentException e) {
        throw InferenceErrors.thinkingBudgetInvalid(e.getMessage());
      }
    }
    return thinking;
  }

  /**
   * Looks whether answers can be held to a format at all, by whatever model.
   *
   * @throws io.winnow.inference.InferenceException answer_format_invalid, when they cannot
   */
  public static void check(AnswerFormat format) {
    try {
      automaton(format);
    } catch (GrammarRefusal e) {
      throw InferenceErrors.answerFormatInvalid(format, e.getMessage());
    }
  }

  /** @throws GrammarRefusal when there is none */
  static Automaton automaton(AnswerFormat format) {
    return whole(expression(format));
  }

  private static Automaton whole(Expression answer) {
    Automaton automaton = AutomatonBuilder.of(answer);
    if (automaton.isOfTheEmptyText()) {
      throw new GrammarRefusal("it allows no answer but the empty one");
    }
    return automaton;
  }

  private static Expression expression(AnswerFormat format) {
    String text = format.texts().get(0);
    return switch (format.kind()) {
      case CHOICE -> choice(format.texts());
      case REGEX -> RegexParser.parse(text, false);
      case JSON_SCHEMA -> JsonSchemaReader.read(text);
    };
  }

  private static Expression choice(List<String> texts) {
    List<Expression> all = new ArrayList<>();
    for (String text : texts) {
      if (text.isEmpty()) {
        throw new GrammarRefusal("one of the texts is empty");
      }
      all.add(Expression.text(text));
    }
    return Expression.anyOf(all);
  }
}
