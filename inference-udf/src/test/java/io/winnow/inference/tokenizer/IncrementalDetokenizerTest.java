// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IncrementalDetokenizerTest {
  @TempDir Path tmp;
  private Tokenizer tokenizer;

  @BeforeEach
  void loads() throws IOException {
    TinyTokenizer.write(tmp, null);
    tokenizer = Tokenizers.load(tmp);
  }

  @AfterEach
  void closes() {
    tokenizer.close();
  }

  private String feed(IncrementalDetokenizer detokenizer, String text) {
    for (int id : tokenizer.encode(text)) {
      if (detokenizer.add(id)) {
        break;
      }
    }
    return detokenizer.finish();
  }

  @Test
  void aStopStringThatEndsWhereNoneCountsIsText() {
    // Bytes are tokens here but for what was merged, so places are counted by what has been added.
    int[] ids = tokenizer.encode("xabyabz");
    for (int free = 0; free <= ids.length; free++) {
      IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of("ab", "never at all"));
      int added = 0;
      while (added < ids.length && !detokenizer.add(ids[added], added >= free)) {
        added++;
      }
      int length = tokenizer.decode(java.util.Arrays.copyOf(ids, free), true).length();
      // The stop string whose last letter is the first to come where it counts.
      String expected = length < 3 ? "x" : length < 6 ? "xaby" : "xabyabz";
      assertEquals(expected, detokenizer.finish(), free + " of " + ids.length);
      assertEquals(expected, detokenizer.text());
    }
  }

  @Test
  void showsOnlyWholeCharacters() {
    IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of());
    StringBuilder seen = new StringBuilder();
    for (int id : tokenizer.encode("aé中\uD83D\uDE42z")) {
      detokenizer.add(id);
      seen.append(detokenizer.text()).append('|');
    }
    assertEquals("a|a|aé|aé|aé|aé中|aé中|aé中|aé中|aé中\uD83D\uDE42|aé中\uD83D\uDE42z|", seen.toString());
  }

  @Test
  void stopsAtTheEarliestStopStringAcrossTokens() {
    assertEquals("one ", feed(new IncrementalDetokenizer(tokenizer, List.of("three", "two")), "one two three"));
    assertEquals("x", feed(new IncrementalDetokenizer(tokenizer, List.of("bc", "abcd", "abc")), "xabcd"));
    assertEquals("na", feed(new IncrementalDetokenizer(tokenizer, List.of("ïv")), "naïve"));
    assertEquals("", feed(new IncrementalDetokenizer(tokenizer, List.of("\n")), "\nx"));
    assertEquals("aab", feed(new IncrementalDetokenizer(tokenizer, List.of("aabc")), "aab"));
    assertEquals("aa", feed(new IncrementalDetokenizer(tokenizer, List.of("aabc")), "aaaabc"));
  }

  @Test
  void holdsBackWhatMayBecomeAStopString() {
    IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of("STOP"));
    for (int id : tokenizer.encode("go STO")) {
      assertFalse(detokenizer.add(id));
    }
    assertEquals("go ", detokenizer.text());
    for (int id : tokenizer.encode("RE")) {
      assertFalse(detokenizer.add(id));
    }
    assertEquals("go STORE", detokenizer.text());
    assertEquals("go STORE", detokenizer.finish());
  }

  @Test
  void nothingIsTakenAfterAStop() {
    IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of("b"));
    for (int id : tokenizer.encode("abc")) {
      detokenizer.add(id);
    }
    assertTrue(detokenizer.stopped());
    assertEquals("a", detokenizer.finish());
    assertEquals("a", detokenizer.text());
  }

  @Test
  void specialTokensAndUnknownIdsAddNothing() {
    IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of());
    detokenizer.add(tokenizer.tokenId("<|im_start|>"));
    detokenizer.add(tokenizer.tokenId("<think>"));
    detokenizer.add(1_000_000);
    detokenizer.add(-1);
    assertEquals("<think>", detokenizer.text());
    assertEquals("<think>", detokenizer.finish());
  }

  @Test
  void randomTokensDecodeAsTheWholeSequence() {
    long seed = Long.getLong("winnow.seed", 7_311L);
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(tokenizer, List.of());
      int[] ids = random.ints(1 + random.nextInt(20), 0, tokenizer.vocabSize()).toArray();
      String before = "";
      for (int id : ids) {
        detokenizer.add(id);
        String now = detokenizer.text();
        assertTrue(now.startsWith(before), "seed " + seed);
        before = now;
      }
      assertEquals(tokenizer.decode(ids, true), detokenizer.finish(), "seed " + seed);
      assertTrue(detokenizer.finish().startsWith(before), "seed " + seed);
    }
  }
}
