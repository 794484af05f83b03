// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Parts a formula into tokens. Space and invisible layout is left out. A command is the longest known name that the
 * text goes on with, so {@code \cosec} is {@code \cos} and two letters.
 */
final class LatexLexer {
  /** What a token is; {@link Token#text} says which. */
  enum Kind {
    NUMBER, LETTER, SYMBOL, WORD, DIFFERENTIAL, FUNCTION, COMMAND, ACCENT, RELATION, OPEN, CLOSE, PLUS, MINUS, TIMES,
    DIVIDE, MOD, POWER, SUB, COMMA, SEMICOLON, BANG, PERCENT, PRIME, BAR, PLUS_MINUS, SET, SET_OP, AMP, ROW, BEGIN,
    END, END_OF_TEXT
  }

  /**
   * A token.
   *
   * @param text its canonical word
   * @param start index of its first character
   * @param end index behind its last one
   */
  record Token(Kind kind, String text, int start, int end) {}

  private record Command(Kind kind, String text) {}

  private static final Map<String, Command> COMMANDS = new HashMap<>();
  private static int longest;

  static {
    String[] symbols = ("alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi"
        + " omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda"
        + " Xi Pi Sigma Upsilon Phi Psi Omega hbar hslash ell wp Re Im imath jmath prime angle measuredangle triangle"
        + " triangledown square blacksquare Diamond lozenge bigstar heartsuit spadesuit clubsuit diamondsuit nabla"
        + " varnothing nexists complement mho eth Finv Game Bbbk surd natural flat sharp infty"
        + " exponentialE").split(" ");
    for (String symbol : symbols) {
      put(symbol, Kind.SYMBOL, symbol);
    }
    for (String function : ("sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh arsinh"
        + " arcosh artanh arcsinh arccosh arctanh ln log exp").split(" ")) {
      put(function, Kind.FUNCTION, function);
    }
    for (String command : ("frac binom sqrt int sum prod lim gcd lcm max min floor ceil operatorname det text mbox"
        + " mathrm mathbf mathit textbf textit textrm textnormal mathbb boxed fbox variable circ degree partial"
        + " choose").split(" ")) {
      put(command, Kind.COMMAND, command);
    }
    for (String command : ("dfrac=frac tfrac=frac cfrac=frac dbinom=binom tbinom=binom").split(" ")) {
      put(command.substring(0, command.indexOf('=')), Kind.COMMAND, command.substring(command.indexOf('=') + 1));
    }
    for (String accent : ("overline=bar bar=bar vec=vec overrightarrow=vec hat=hat widehat= tilde=tilde dot=dot"
        + " ddot=ddot widetilde=tilde boldsymbol=boldsymbol bm=bm mathcal=math mathfrak=math mathscr=math mathsf=math"
        + " mathop=math").split(" ")) {
      String text = accent.substring(accent.indexOf('=') + 1);
      if (!text.isEmpty()) {
        put(accent.substring(0, accent.indexOf('=')), Kind.ACCENT, text);
      }
    }
    for (String relation : ("lt=< gt=> le=≤ leq=≤ leqslant=≤ leqq=≤ ge=≥ geq=≥ geqslant=≥ geqq=≥ ne=≠ neq=≠"
        + " equiv== in=∈ notin=∉ approx=≈").split(" ")) {
      int equals = relation.indexOf('=');
      put(relation.substring(0, equals), Kind.RELATION, relation.substring(equals + 1));
    }
    for (String pair : ("lparen=( lgroup=( lbrack=[ lbrace=\\{ lvert=\\lvert vert=| lfloor=⌊ llcorner=⌊ lceil=⌈"
        + " ulcorner=⌈").split(" ")) {
      put(pair.substring(0, pair.indexOf('=')), pair.startsWith("vert") ? Kind.BAR : Kind.OPEN,
          pair.substring(pair.indexOf('=') + 1));
    }
    for (String pair : ("rparen=) rgroup=) rbrack=] rbrace=\\} rvert=\\rvert rfloor=⌋ lrcorner=⌋ rceil=⌉"
        + " urcorner=⌉").split(" ")) {
      put(pair.substring(0, pair.indexOf('=')), Kind.CLOSE, pair.substring(pair.indexOf('=') + 1));
    }
    put("cdot", Kind.TIMES, "*");
    put("times", Kind.TIMES, "*");
    put("div", Kind.DIVIDE, "/");
    put("over", Kind.DIVIDE, "/");
    put("mod", Kind.MOD, "mod");
    put("pm", Kind.PLUS_MINUS, "±");
    put("mp", Kind.PLUS_MINUS, "±");
    put("emptyset", Kind.SET, "∅");
    put("cup", Kind.SET_OP, "cup");
    put("cap", Kind.SET_OP, "cap");
    put("setminus", Kind.SET_OP, "minus");
    put("begin", Kind.BEGIN, "begin");
    put("end", Kind.END, "end");
    put("to", Kind.COMMAND, "to");
    put("rightarrow", Kind.COMMAND, "to");
    put("Rightarrow", Kind.COMMAND, "to");
    for (String skipped : "phantom quad qquad displaystyle thinspace medspace thickspace".split(" ")) {
      put(skipped, null, skipped);
    }
  }

  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private int at;

  private LatexLexer(String text) {
    this.text = text;
  }

  private static void put(String name, Kind kind, String text) {
    COMMANDS.put(name, new Command(kind, text));
    longest = Math.max(longest, name.length());
  }

  /**
   * The tokens of a text, an {@link Kind#END_OF_TEXT} last.
   *
   * @throws UnreadFormulaException at a character or command that has no meaning
   */
  static List<Token> tokens(String text) throws UnreadFormulaException {
    LatexLexer lexer = new LatexLexer(text);
    while (lexer.at < text.length()) {
      lexer.next();
    }
    lexer.tokens.add(new Token(Kind.END_OF_TEXT, "", text.length(), text.length()));
    return lexer.tokens;
  }

  private void add(Kind kind, String word, int length) {
    tokens.add(new Token(kind, word, at, at + length));
    at += length;
  }

  private void next() throws UnreadFormulaException {
    char c = text.charAt(at);
    if (Character.isWhitespace(c) || c == '$') {
      at++;
    } else if (isDigit(at) || (c == '.' && isDigit(at + 1))) {
      number();
    } else if (c == '\\') {
      command();
    } else if (c == 'd' && differentialEnd() > 0 && !text.startsWith("diag", at)) {
      int end = differentialEnd();
      add(Kind.DIFFERENTIAL, "d" + text.substring(at + 1, end).strip().replace("\\", ""), end - at);
    } else if (isLetter(c)) {
      refuseReserved(c);
      add(Kind.LETTER, String.valueOf(c), 1);
    } else {
      sign(c);
    }
  }

  /** Names of functions on matrices and numbers that the grammar knows without a backslash; none is supported. */
  private static final String[] RESERVED = ("tr rank cols rows hstack vstack rref nullspace eig diag norm ones zeros"
      + " orth eye svd lcm gcd floor ceil arsinh arcosh artanh").split(" ");

  private void refuseReserved(char first) throws UnreadFormulaException {
    for (String word : RESERVED) {
      if (word.charAt(0) == first && text.startsWith(word, at)) {
        throw new UnreadFormulaException("the reserved word " + word);
      }
    }
  }

  private void number() {
    int end = at;
    while (isDigit(end)) {
      end++;
    }
    if (end < text.length() && text.charAt(end) == '.' && isDigit(end + 1)) {
      end++;
      while (isDigit(end)) {
        end++;
      }
    }
    if (end < text.length() && text.charAt(end) == 'E') {
      int exponent = end + 1;
      if (exponent < text.length() && (text.charAt(exponent) == '-' || text.charAt(exponent) == '+')) {
        exponent++;
      }
      if (isDigit(exponent)) {
        while (isDigit(exponent)) {
          exponent++;
        }
        end = exponent;
      }
    }
    add(Kind.NUMBER, text.substring(at, end), end - at);
  }

  /** End of {@code dx}, {@code d x} or {@code d\theta}; 0 when the d is a letter. */
  private int differentialEnd() {
    int i = at + 1;
    while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    if (i < text.length() && isLetter(text.charAt(i))) {
      return i + 1;
    }
    if (i < text.length() && text.charAt(i) == '\\') {
      int end = i + 1;
      while (end < text.length() && isLetter(text.charAt(end))) {
        end++;
      }
      Command command = COMMANDS.get(text.substring(i + 1, end));
      return command != null && command.kind == Kind.SYMBOL ? end : 0;
    }
    return 0;
  }

  private void command() throws UnreadFormulaException {
    if (at + 1 >= text.length()) {
      throw new UnreadFormulaException("a backslash at the end");
    }
    char c = text.charAt(at + 1);
    if (!isLetter(c)) {
      switch (c) {
        case ',', ':', ';', '!', ' ', '$', '\n', '\t' -> at += 2;
        case '{' -> add(Kind.OPEN, "\\{", 2);
        case '}' -> add(Kind.CLOSE, "\\}", 2);
        case '%' -> add(Kind.PERCENT, "%", 2);
        case '\\' -> add(Kind.ROW, "\\\\", 2);
        default -> throw new UnreadFormulaException("\\" + c);
      }
      return;
    }
    int end = at + 1;
    while (end < text.length() && end - at - 1 < longest && isLetter(text.charAt(end))) {
      end++;
    }
    for (; end > at + 1; end--) {
      Command command = COMMANDS.get(text.substring(at + 1, end));
      if (command != null) {
        command(command, end);
        return;
      }
    }
    throw new UnreadFormulaException("an unknown command at \\" + c);
  }

  private void command(Command command, int end) throws UnreadFormulaException {
    if (command.kind == null) {
      at = end;
      return;
    }
    switch (command.text) {
      case "text", "mbox", "mathrm", "mathbf", "mathit", "textbf", "textit", "textrm", "textnormal" -> {
        int open = skipSpace(end);
        int close = closingBrace(open);
        String content = text.substring(open + 1, close);
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < content.length(); i++) {
          char c = content.charAt(i);
          if (!Character.isWhitespace(c) && "()$'".indexOf(c) < 0) {
            word.append(Character.toLowerCase(c));
          }
        }
        if (content.indexOf('{') >= 0) {
          throw new UnreadFormulaException("markup within a text");
        }
        if (word.length() > 0) {
          tokens.add(new Token(Kind.WORD, word.toString(), at, close + 1));
        }
        at = close + 1;
      }
      case "mathbb" -> {
        int open = skipSpace(end);
        String name = text.substring(open + 1, closingBrace(open)).strip();
        Kind kind = "RNZQC".contains(name) && name.length() == 1 ? Kind.SET : Kind.WORD;
        if (name.equals("P") || name.isEmpty()) {
          throw new UnreadFormulaException("\\mathbb{" + name + "}");
        }
        add(kind, kind == Kind.SET ? name : "math{" + name.toLowerCase(java.util.Locale.ROOT) + "}",
            closingBrace(open) + 1 - at);
      }
      case "operatorname", "begin", "end" -> {
        int open = skipSpace(end);
        int close = closingBrace(open);
        add(command.kind, command.text + ":" + text.substring(open + 1, close).strip(), close + 1 - at);
      }
      default -> add(command.kind, command.text, end - at);
    }
  }

  private void sign(char c) throws UnreadFormulaException {
    switch (c) {
      case '+' -> add(Kind.PLUS, "+", 1);
      case '-', '−' -> add(Kind.MINUS, "-", 1);
      case '*', '×' -> add(Kind.TIMES, "*", 1);
      case '/', ':', '÷' -> add(Kind.DIVIDE, "/", 1);
      case '^' -> add(Kind.POWER, "^", 1);
      case '_' -> add(Kind.SUB, "_", 1);
      case ',' -> add(Kind.COMMA, ",", 1);
      case ';' -> add(Kind.SEMICOLON, ";", 1);
      case '!' -> {
        boolean differs = text.startsWith("!=", at);
        add(differs ? Kind.RELATION : Kind.BANG, differs ? "≠" : "!", differs ? 2 : 1);
      }
      case '%' -> add(Kind.PERCENT, "%", 1);
      case '\'' -> add(Kind.PRIME, "'", 1);
      case '|' -> add(Kind.BAR, "|", 1);
      case '&' -> add(Kind.AMP, "&", 1);
      case '(', '[', '{' -> add(Kind.OPEN, String.valueOf(c), 1);
      case ')', ']', '}' -> add(Kind.CLOSE, String.valueOf(c), 1);
      case '=', '<', '>' -> {
        boolean two = at + 1 < text.length() && text.charAt(at + 1) == '=';
        add(Kind.RELATION, c == '=' || !two ? String.valueOf(c) : c == '<' ? "≤" : "≥", two ? 2 : 1);
      }
      case '≤' -> add(Kind.RELATION, "≤", 1);
      case '≥' -> add(Kind.RELATION, "≥", 1);
      case '≠' -> add(Kind.RELATION, "≠", 1);
      case '∅' -> add(Kind.SET, "∅", 1);
      case 'ℝ' -> add(Kind.SET, "R", 1);
      case '∪' -> add(Kind.SET_OP, "cup", 1);
      case '∩' -> add(Kind.SET_OP, "cap", 1);
      default -> {
        String name = GreekLetters.name(c);
        if (name == null) {
          throw new UnreadFormulaException("the character " + c);
        }
        add(Kind.SYMBOL, name, 1);
      }
    }
  }

  private int skipSpace(int from) throws UnreadFormulaException {
    int i = from;
    while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    if (i >= text.length() || text.charAt(i) != '{') {
      throw new UnreadFormulaException("a command without braces");
    }
    return i;
  }

  /** The brace that closes the one at {@code open}. */
  private int closingBrace(int open) throws UnreadFormulaException {
    int depth = 0;
    for (int i = open; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return i;
      }
    }
    throw new UnreadFormulaException("a brace is not closed");
  }

  private boolean isDigit(int i) {
    return i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9';
  }

  private static boolean isLetter(char c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
  }
}
