// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.Map;
import java.util.Set;

/** The words and signs that {@link MathLexer} knows. */
final class MathVocabulary {
  static final Set<String> FUNCTIONS = Set.of(
      "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log",
      "exp",
      "sqrt", "max", "min", "gcd", "lcm", "det", "lg", "coth", "sech", "csch", "floor", "ceil", "arcsinh", "arccosh",
      "arctanh", "arccot", "arsinh", "arcosh", "artanh", "asin", "acos", "atan", "asinh", "acosh", "atanh");
  /** Spellings of a function whose name here is another. */
  static final Map<String, String> SYNONYMS = Map.ofEntries(
      Map.entry("lg", "log"), Map.entry("asin", "arcsin"), Map.entry("acos", "arccos"), Map.entry("atan", "arctan"),
      Map.entry("asinh", "arsinh"), Map.entry("acosh", "arcosh"), Map.entry("atanh", "artanh"),
      Map.entry("arcsinh", "arsinh"), Map.entry("arccosh", "arcosh"), Map.entry("arctanh", "artanh"));
  /** Marks over a symbol that make another symbol of it. */
  static final Set<String> ACCENTS = Set.of(
      "vec", "hat", "bar", "tilde", "overline", "widehat", "widetilde", "overrightarrow", "dot", "ddot", "wideparen",
      "overset", "mathring", "acute", "grave", "check", "breve");
  static final Set<String> GREEK = Set.of(
      "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
      "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega",
      "Gamma",
      "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar");
  /** LaTeX commands and Unicode signs that are one operator. */
  static final Map<String, String> OPERATORS = Map.ofEntries(
      Map.entry("cdot", "*"), Map.entry("times", "*"), Map.entry("ast", "*"), Map.entry("div", "/"),
      Map.entry("pm", "±"), Map.entry("mp", "∓"), Map.entry("le", "≤"), Map.entry("leq", "≤"),
      Map.entry("leqslant", "≤"), Map.entry("ge", "≥"), Map.entry("geq", "≥"), Map.entry("geqslant", "≥"),
      Map.entry("lt", "<"), Map.entry("gt", ">"), Map.entry("ne", "≠"), Map.entry("neq", "≠"),
      Map.entry("in", "∈"), Map.entry("approx", "≈"), Map.entry("cup", "∪"), Map.entry("cap", "∩"),
      Map.entry("setminus", "∖"), Map.entry("degree", "°"), Map.entry("vert", "|"), Map.entry("lvert", "|"),
      Map.entry("rvert", "|"), Map.entry("mid", "|"), Map.entry("colon", ":"), Map.entry("lbrace", "\\{"),
      Map.entry("rbrace", "\\}"), Map.entry("langle", "("), Map.entry("rangle", ")"), Map.entry("lparen", "("),
      Map.entry("rparen", ")"), Map.entry("lbrack", "["), Map.entry("rbrack", "]"), Map.entry("equiv", "="),
      Map.entry("%", "%"), Map.entry("{", "\\{"), Map.entry("}", "\\}"), Map.entry("|", "|"),
      Map.entry("\\", "\\\\"), Map.entry("lgroup", "("), Map.entry("rgroup", ")"), Map.entry("lfloor", "⌊"),
      Map.entry("rfloor", "⌋"), Map.entry("lceil", "⌈"), Map.entry("rceil", "⌉"), Map.entry("llcorner", "⌊"),
      Map.entry("lrcorner", "⌋"), Map.entry("ulcorner", "⌈"), Map.entry("urcorner", "⌉"),
      Map.entry("notin", "∉"),
      Map.entry("propto", "∝"), Map.entry("mod", "mod"), Map.entry("bmod", "mod"), Map.entry("wedge", ","),
      Map.entry("land", ","), Map.entry("lor", "∨"), Map.entry("vee", "∨"), Map.entry("backslash", "∖"),
      Map.entry("smallsetminus", "∖"));
  static final String SIGNS = "×*·*⋅*∙*÷/−-–-—-≤≤≥≥≠≠∈∈≈≈∪∪∩∩±±∓∓°°⌊⌊⌋⌋⌈⌈⌉⌉∉∉∝∝∨∨⟨(⟩)∶:∣|"
      + "％%，,；;：:（(）)［[］]｛{｝}＝=＋+－-＜<＞>∗*⁄/";
  static final Set<String> LAYOUT = Set.of(
      ",", ";", ":", "!", " ", ">", "quad", "qquad", "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr",
      "Bigl",
      "Bigr", "biggl", "biggr", "displaystyle", "textstyle", "limits", "thinspace", "enspace", "$", "(", ")", "[", "]",
      "boldsymbol", "bm", "middle", "nobreakspace", "hfill", "notag", "rm", "bf", "it", "mathbf", "mathit",
      "mathsf", "mathcal", "mathop", "boxed", "fbox", "underline", "\n", "\t", "mleft", "mright", "Large", "large",
      "LARGE", "huge", "Huge", "small", "normalsize", "tiny", "scriptstyle", "nolimits", "medspace", "thickspace",
      "strut", "allowbreak", "hline", "ensuremath", "mathstrut", "Bigm", "bigm", "operatorname*", "sf");
  static final Set<String> TEXT_COMMANDS = Set.of(
      "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox", "hbox", "mathrm",
      "operatorname", "emph");
  /** Two and three letters that are words or units and not products of variables. */
  static final Set<String> SHORT_WORDS = Set.of(
      "cm", "mm", "km", "kg", "mg", "ml", "mL", "ft", "in", "yd", "lb", "lbs", "oz", "hr", "hrs", "min", "sec", "mph",
      "kph",
      "USD", "EUR", "GBP", "Rs", "deg", "per", "day", "men", "cup", "egg", "sq", "cu", "the", "of", "is", "no",
      "No", "yes", "Yes", "all", "one", "two", "six", "ten", "odd", "Odd", "red", "boy", "toy", "car", "box", "bag",
      "hat",
      "kWh", "kHz", "Hz", "pts", "mi", "dm", "cc", "gal", "are", "not", "has", "he", "she", "for");
  static final Set<String> PERCENT_WORDS = Set.of("percent", "percents", "pct");

  /** Functions that are words as well: only in front of a bracket. */
  static final Set<String> BRACKETED = Set.of("floor", "ceil", "max", "min", "det", "sec", "lcm", "gcd");

  private MathVocabulary() {}
}
