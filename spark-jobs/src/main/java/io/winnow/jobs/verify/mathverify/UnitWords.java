// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Words that are cut from the end of an answer as units. The list is Math-Verify's, odd entries included; a point in
 * one stands for any character, so that {@code 2 e x} ends with the unit {@code e .} there and here.
 */
final class UnitWords {
  private static final String PLAIN = "integerpoint;feet;sue;digit;pound;meal;edge;student;children ticket;multiple;"
      + "east;degree;mph;kmph;ft;m square; m east;sq m;deg;mile;monkey;prime;ratio;profit of rs;rd;o;gm;lb;tile;per;"
      + "dm;lt;gain;ab;way;west;t;h;no change;men;soldier;pie;bc;excess;st;inches;noon;cent;by;gal;kmh;c;acre;rise;th;"
      + "π r 2;sq;mark;l;toy;coin;gallon;° f;profit;minw;yr;women;am;pm;hr;cu cm;square;v â € ™;are;rupee;rounds;cubic;"
      + "cc;mtr;s;ohm;number;day;hour;minute;min;second;man;woman;sec;cube;mt;sq inch;mp;∏ cm ³;hectare;more;unit;"
      + "cm 2;rs;kg;g;month;km;m;cm;mm;apple;liter;loss;yard;pure;year;increase;decrease;d;less;Surface;litre;pi sq m;"
      + "metre;meter;inch";
  private static final String ANY_CHARACTER = "q .;p . m;a .;b .;c .;d .;e .;f .;g .;h .;a . m;sq . m;cu . m;rs .;"
      + "s .";

  private static final Set<String> WORDS = new HashSet<>();
  private static final List<String> PATTERNS = new ArrayList<>();
  private static final int LONGEST;

  static {
    int most = 0;
    for (String unit : PLAIN.split(";")) {
      for (String ending : new String[] {"", "s", "es"}) {
        WORDS.add(unit + ending);
        most = Math.max(most, unit.length() + ending.length());
      }
    }
    LONGEST = most;
    for (String unit : ANY_CHARACTER.split(";")) {
      for (String ending : new String[] {"", "s", "es"}) {
        PATTERNS.add(unit + ending);
      }
    }
  }

  private UnitWords() {}

  /** The text without the longest unit at its end, which must follow a digit, a closing brace or space. */
  static String cut(String text) {
    int from = text.length();
    for (int start = Math.max(1, text.length() - LONGEST); start < text.length(); start++) {
      if (mayPrecede(text.charAt(start - 1))
          && (WORDS.contains(text.substring(start)) || matchesPattern(text, start))) {
        from = start;
        break;
      }
    }
    return from == text.length() ? text : text.substring(0, from).strip();
  }

  private static boolean mayPrecede(char c) {
    return c >= '0' && c <= '9' || c == '}' || Character.isWhitespace(c);
  }

  private static boolean matchesPattern(String text, int start) {
    int length = text.length() - start;
    if (length < 3 || length > 8) {
      return false;
    }
    for (String pattern : PATTERNS) {
      boolean matches = pattern.length() == length;
      for (int i = 0; i < length && matches; i++) {
        char c = pattern.charAt(i);
        matches = c == '.' || c == text.charAt(start + i);
      }
      if (matches) {
        return true;
      }
    }
    return false;
  }
}
