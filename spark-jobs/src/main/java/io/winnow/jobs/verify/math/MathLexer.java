// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Cuts LaTeX or plain text into tokens in one pass. Layout (spaces, {@code \left}, {@code $}) disappears here,
 * Unicode and LaTeX spellings of one thing become one token, and groups of three digits become one number.
 */
final class MathLexer {
  enum Type { NUMBER, SYMBOL, WORD, FUNCTION, COMMAND, OPERATOR, END }

  /** One token; {@code spaced}: white space stands before it. */
  record Token(Type type, String text, boolean spaced) {
    boolean is(String operator) {
      return type == Type.OPERATOR && text.equals(operator);
    }
  }

  private final String text;
  private final WorkLimit work;
  private final List<Token> tokens = new ArrayList<>();
  private final int nesting;
  private int at;
  private int bracketDepth;
  private boolean spaced;

  private MathLexer(String text, WorkLimit work, int nesting) {
    this.text = text;
    this.work = work;
    this.nesting = nesting;
  }

  static List<Token> tokens(String text, WorkLimit work) throws UnreadableException {
    MathLexer lexer = new MathLexer(text, work, 0);
    lexer.run();
    return lexer.tokens;
  }

  private void run() throws UnreadableException {
    while (at < text.length()) {
      work.spend(1);
      char c = text.charAt(at);
      if (Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '~' || c == '$' || c == '\u200b') {
        at++;
        spaced = true;
      } else if (c == '\\') {
        command();
      } else if (isDigit(c) || (c == '.' && isDigit(peek(1)))) {
        number();
      } else if (isLetter(c)) {
        letters();
      } else {
        sign(c);
      }
    }
    add(Type.END, "");
  }

  private void command() throws UnreadableException {
    int start = ++at;
    if (at == text.length()) {
      return;
    }
    if (isLetter(text.charAt(at))) {
      while (at < text.length() && isLetter(text.charAt(at))) {
        at++;
      }
    } else {
      at++;
    }
    String name = text.substring(start, at);
    if (MathVocabulary.LAYOUT.contains(name)) {
      spaced = true;
      if ((name.equals("left") || name.equals("right")) && peek(0) == '.') {
        at++;
      }
    } else if (MathVocabulary.TEXT_COMMANDS.contains(name)) {
      words(braced(), name.equals("mathrm") || name.equals("operatorname"));
    } else if (name.equals("overline") && repeats()) {
      repeatingDecimal();
    } else if (MathVocabulary.OPERATORS.containsKey(name)) {
      operator(MathVocabulary.OPERATORS.get(name));
    } else if (MathVocabulary.FUNCTIONS.contains(name)) {
      function(name);
    } else if (MathVocabulary.ACCENTS.contains(name)) {
      symbol(name + "(" + braced().strip() + ")");
    } else if (name.equals("color") || name.equals("textcolor")) {
      braced();
      spaced = true;
    } else if (name.endsWith("dots")) {
      symbol("…");
    } else if (name.startsWith("quad") || name.startsWith("qquad")) {
      // A space is missing behind it: what follows is read again.
      at = start + name.indexOf("quad") + 4;
      spaced = true;
    } else if (MathVocabulary.GREEK.contains(name)) {
      symbol(name);
    } else if (name.equals("infty")) {
      symbol("∞");
    } else if (name.equals("emptyset") || name.equals("varnothing")) {
      symbol("∅");
    } else if (name.equals("mathbb")) {
      symbol("mathbb" + braced().strip());
    } else if (name.equals("hspace") || name.equals("phantom") || name.equals("hphantom") || name.equals("vspace")) {
      braced();
      spaced = true;
    } else if (name.equals("circ")) {
      operator("°");
    } else {
      add(Type.COMMAND, name);
    }
  }

  /** The content of the braces that come next; without braces the next character. */
  private String braced() {
    while (peek(0) == ' ') {
      at++;
    }
    if (peek(0) != '{') {
      return at < text.length() ? text.substring(at, ++at) : "";
    }
    int depth = 0;
    int start = at + 1;
    for (; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == '\\') {
        at++;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return text.substring(start, at++);
      }
    }
    at = text.length();
    return text.substring(Math.min(start, at));
  }

  /** Text inside {@code \text} and its like. */
  private void words(String content, boolean roman) throws UnreadableException {
    String inner = content.replace("~", " ").replace("\\ ", " ").strip();
    if (inner.isEmpty()) {
      spaced = true;
      return;
    }
    String lower = inner.toLowerCase(Locale.ROOT);
    if (lower.equals("and") || lower.equals("or")) {
      operator(lower.equals("or") ? "∨" : ",");
    } else if (MathVocabulary.PERCENT_WORDS.contains(lower)) {
      operator("%");
    } else if (roman && MathVocabulary.FUNCTIONS.contains(lower)
        && (!MathVocabulary.BRACKETED.contains(lower) || bracketFollows())) {
      function(lower);
    } else if (lower.equals("am") || lower.equals("pm") || lower.equals("a.m.") || lower.equals("p.m.")) {
      add(Type.OPERATOR, lower.charAt(0) + "m");
    } else if (inner.length() == 1 && isLetter(inner.charAt(0))
        && ((roman && (inner.equals("i") || inner.equals("e"))) || !afterNumber())) {
      symbol(inner);
    } else if (inner.chars().anyMatch(c -> c >= '0' && c <= '9') || inner.indexOf('\\') >= 0) {
      // Mathematics inside a text command: read where it stands.
      if (nesting > 4) {
        throw new UnreadableException("text commands inside one another");
      }
      MathLexer nested = new MathLexer(inner, work, nesting + 1);
      nested.run();
      nested.tokens.remove(nested.tokens.size() - 1);
      tokens.addAll(nested.tokens);
    } else {
      boolean and = lower.endsWith(" and");
      boolean or = lower.endsWith(" or");
      add(Type.WORD, and || or ? inner.substring(0, inner.lastIndexOf(' ')) : inner);
      if (and || or) {
        operator(or ? "∨" : ",");
      }
    }
  }

  private boolean afterNumber() {
    return !tokens.isEmpty() && tokens.get(tokens.size() - 1).type() == Type.NUMBER;
  }

  private void number() throws UnreadableException {
    StringBuilder digits = new StringBuilder();
    readDigits(digits);
    boolean grouped = false;
    if (digits.length() > 0 && digits.length() <= 3 && digits.charAt(0) != '0') {
      for (int width = separator(); width > 0 && groupFollows(width); width = separator()) {
        at += width;
        readDigits(digits);
        grouped = true;
      }
    }
    if (peek(0) == '.' && isDigit(peek(1))) {
      digits.append('.');
      at++;
      readDigits(digits);
    } else if (peek(0) == '.' && text.startsWith("\\overline", at + 1)) {
      digits.append('.');
      at++;
    } else if (peek(0) == '.' && peek(1) == '.') {
      throw new UnreadableException("a number that goes on with dots at " + at);
    } else if (peek(0) == '.') {
      at++;
    }
    if (!grouped && (peek(0) == 'e' || peek(0) == 'E')) {
      int sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
      int end = at + 1 + sign;
      while (end < text.length() && isDigit(text.charAt(end))) {
        end++;
      }
      if (end > at + 1 + sign && (end == text.length() || !isLetter(text.charAt(end)))) {
        digits.append(text, at, end);
        at = end;
      }
    }
    add(Type.NUMBER, digits.toString());
  }

  private void readDigits(StringBuilder digits) {
    while (at < text.length() && isDigit(text.charAt(at))) {
      digits.append(text.charAt(at++));
      work.spend(1);
    }
  }

  /** Length of a separator of digit groups that starts here, 0 if there is none. */
  private int separator() {
    if (text.startsWith("{,}", at)) {
      return 3;
    }
    if (text.startsWith(",\\!", at)) {
      return text.startsWith(" ", at + 3) ? 4 : 3;
    }
    if (text.startsWith("\\,", at) || text.startsWith("\\!", at)) {
      return 2;
    }
    char c = peek(0);
    if (c == '\u00a0' || c == '\u2009' || c == '\u202f') {
      return 1;
    }
    // Between brackets a comma separates coordinates, and a space may be anything.
    return (c == ',' || c == ' ') && bracketDepth == 0 ? 1 : 0;
  }

  private boolean groupFollows(int width) {
    int from = at + width;
    return from + 3 <= text.length() && isDigit(text.charAt(from)) && isDigit(text.charAt(from + 1))
        && isDigit(text.charAt(from + 2)) && (from + 3 == text.length() || !isDigit(text.charAt(from + 3)));
  }

  private boolean repeats() {
    return afterNumber() && tokens.get(tokens.size() - 1).text().indexOf('.') >= 0;
  }

  /** {@code 0.1\overline{6}}: appends the period to the number as {@code 0.1~6}. */
  private void repeatingDecimal() throws UnreadableException {
    String period = braced().strip();
    if (period.isEmpty() || !period.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new UnreadableException("an overline over something that is no digits at " + at);
    }
    Token number = tokens.remove(tokens.size() - 1);
    tokens.add(new Token(Type.NUMBER, number.text() + "~" + period, number.spaced()));
  }

  private void letters() throws UnreadableException {
    int start = at;
    while (at < text.length() && isLetter(text.charAt(at))) {
      at++;
    }
    work.spend(at - start);
    String run = text.substring(start, at);
    String lower = run.toLowerCase(Locale.ROOT);
    if (lower.equals("and") || lower.equals("or")) {
      operator(lower.equals("or") ? "∨" : ",");
    } else if (MathVocabulary.PERCENT_WORDS.contains(lower)) {
      operator("%");
    } else if (MathVocabulary.FUNCTIONS.contains(run)
        && (!MathVocabulary.BRACKETED.contains(run) || bracketFollows())) {
      function(run);
    } else if (lower.equals("infinity") || lower.equals("infty") || run.equals("inf") || run.equals("oo")) {
      symbol("∞");
    } else if (MathVocabulary.GREEK.contains(run)) {
      symbol(run);
    } else if (isHalfOfDay(lower)) {
      halfOfDay(lower);
    } else if (run.equals("x") && timesSign()) {
      operator("*");
    } else if (run.length() >= 4 || MathVocabulary.SHORT_WORDS.contains(run) || isTitleCase(run) || isProse(run, start)
        || isOrdinal(run, start)) {
      add(Type.WORD, run);
    } else {
      for (int i = 0; i < run.length() - 1; i++) {
        add(Type.SYMBOL, run.substring(i, i + 1));
      }
      symbol(run.substring(run.length() - 1));
    }
  }

  /** One to three letters beside another word: {@code So we get}, {@code 45 years old}. */
  private boolean isProse(String run, int start) {
    boolean spaceBefore = start > 0 && text.charAt(start - 1) == ' ';
    boolean wordBefore = spaceBefore && !tokens.isEmpty() && tokens.get(tokens.size() - 1).type() == Type.WORD;
    if (run.length() == 1) {
      // A sentence begins with "I" or "A".
      return tokens.isEmpty() && (run.equals("I") || run.equals("A")) && peek(0) == ' ' && isLetter(peek(1))
          && isLetter(peek(2));
    }
    return (wordBefore || (peek(0) == ' ' && isLetter(peek(1)) && isLetter(peek(2))));
  }

  private boolean isOrdinal(String run, int start) {
    return afterNumber() && isDigit(text.charAt(start - 1)) && Set.of("st", "nd", "rd", "th").contains(run);
  }

  /** A lone x between two numbers, as in {@code 2.5 x 10^3}. */
  private boolean timesSign() {
    return afterNumber() && peek(0) == ' ' && isDigit(peek(1));
  }

  /** {@code am} or {@code pm} in any spelling, behind a time of day. */
  private boolean isHalfOfDay(String lower) {
    boolean half = lower.equals("am") || lower.equals("pm") || ((lower.equals("a") || lower.equals("p"))
        && (at == text.length() || text.startsWith(".m", at) || text.startsWith(".M", at)));
    return half && afterNumber() && tokens.size() >= 3 && tokens.get(tokens.size() - 2).is(":");
  }

  private boolean bracketFollows() {
    return peek(0) == '(' || peek(0) == '{' || text.startsWith("\\left", at) || text.startsWith("\\{", at);
  }

  private void function(String name) {
    add(Type.FUNCTION, MathVocabulary.SYNONYMS.getOrDefault(name, name));
  }

  private void halfOfDay(String lower) {
    if (lower.length() == 1) {
      at += peek(0) == '.' ? 2 : 0;
      at += peek(0) == '.' ? 1 : 0;
    }
    add(Type.OPERATOR, lower.charAt(0) + "m");
  }

  private static boolean isTitleCase(String run) {
    return run.length() == 3 && Character.isUpperCase(run.charAt(0)) && Character.isLowerCase(run.charAt(1))
        && Character.isLowerCase(run.charAt(2));
  }

  /** A symbol with the subscript and primes that follow it. */
  private void symbol(String name) {
    StringBuilder full = new StringBuilder(name);
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\'' || c == '’' || c == '′') {
        full.append('\'');
        at++;
      } else if (c == '^' && (text.startsWith("^\\prime", at) || text.startsWith("^{\\prime}", at))) {
        full.append('\'');
        at += text.charAt(at + 1) == '{' ? 9 : 7;
      } else if (c == ' ' && peek(1) == '_' && full.indexOf("_") < 0) {
        at++;
      } else if (c == '_' && full.indexOf("_") < 0) {
        at++;
        String index = braced().replace("\\text", "").replace("\\mathrm", "").replaceAll("[\\s{}\\\\]", "");
        boolean plain = index.chars().allMatch(Character::isLetterOrDigit);
        full.append('_').append(plain ? index : "{" + index + "}");
      } else {
        break;
      }
    }
    add(Type.SYMBOL, full.toString());
  }

  private void sign(char c) throws UnreadableException {
    if (Character.isDigit(c)) {
      // Digits of another script, full-width ones among them: read as any other number.
      StringBuilder narrow = new StringBuilder();
      while (at < text.length() && Character.isDigit(text.charAt(at))) {
        narrow.append(Character.digit(text.charAt(at++), 10));
      }
      add(Type.NUMBER, narrow.toString());
      return;
    }
    int vulgar = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞".indexOf(c);
    if (vulgar >= 0) {
      at++;
      add(Type.COMMAND, "vulgar" + "1/2 1/3 2/3 1/4 3/4 1/5 2/5 3/5 4/5 1/6 5/6 1/8 3/8 5/8 7/8".split(" ")[vulgar]);
      return;
    }
    int superscript = "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c);
    if (superscript >= 0) {
      at++;
      add(Type.OPERATOR, "^");
      add(Type.NUMBER, Integer.toString(superscript));
      return;
    }
    at++;
    int known = MathVocabulary.SIGNS.indexOf(c);
    if (known >= 0 && known % 2 == 0) {
      operator(String.valueOf(MathVocabulary.SIGNS.charAt(known + 1)));
      return;
    }
    switch (c) {
      case '√' -> add(Type.FUNCTION, "sqrt");
      case 'π' -> symbol("pi");
      case 'θ' -> symbol("theta");
      case '∞' -> symbol("∞");
      case '∅' -> symbol("∅");
      case '€', '£', '¥', '₹', '`', '"', '“', '”', '\uFE0F' -> spaced = true;
      case '^' -> caret();
      case '<', '>' -> {
        boolean orEqual = peek(0) == '=';
        at += orEqual ? 1 : 0;
        operator(orEqual ? (c == '<' ? "≤" : "≥") : String.valueOf(c));
      }
      case '!' -> {
        boolean unequal = peek(0) == '=';
        at += unequal ? 1 : 0;
        operator(unequal ? "≠" : "!");
      }
      case '*' -> {
        boolean power = peek(0) == '*';
        at += power ? 1 : 0;
        operator(power ? "^" : "*");
      }
      case '.' -> {
        if (!text.substring(at).chars().allMatch(rest -> rest == ' ' || rest == '}' || rest == '$')) {
          throw new UnreadableException("a full stop in the middle, at " + (at - 1));
        }
      }
      case '+', '-', '/', '=', '(', ')', '[', ']', '{', '}', '|', '%', ',', ';', ':', '_',
          '&' -> operator(String.valueOf(c));
      default -> {
        if (Character.isLetter(c) || c == '@') {
          add(Type.WORD, String.valueOf(c));
        } else if (Character.isSurrogate(c) || Character.getType(c) == Character.OTHER_SYMBOL) {
          spaced = true;
        } else {
          throw new UnreadableException(
              String.format("the character U+%04X at %d", text.codePointAt(at - 1), at - 1));
        }
      }
    }
  }

  /** {@code ^}, or the degree sign where {@code \circ} follows. */
  private void caret() {
    for (String circle : new String[] {"\\circ", "{\\circ}", "{ \\circ }", " \\circ"}) {
      if (text.startsWith(circle, at)) {
        at += circle.length();
        operator("°");
        return;
      }
    }
    operator("^");
  }

  private void operator(String operator) {
    switch (operator) {
      case "(", "[", "\\{" -> bracketDepth++;
      case ")", "]", "\\}" -> bracketDepth--;
      default -> { }
    }
    add(Type.OPERATOR, operator);
  }

  private void add(Type type, String value) {
    tokens.add(new Token(type, value, spaced));
    spaced = false;
  }

  private char peek(int ahead) {
    return at + ahead < text.length() ? text.charAt(at + ahead) : '\0';
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
}
