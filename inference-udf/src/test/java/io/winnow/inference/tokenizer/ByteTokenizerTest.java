// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Message;
import io.winnow.inference.RenderedPrompt;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ByteTokenizerTest {
  private final ByteTokenizer tokenizer = new ByteTokenizer();

  @Test
  void textIsItsBytes() {
    assertArrayEquals(new int[] {'a', 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80}, tokenizer.encode("aé😀"));
    assertEquals("aé😀", tokenizer.decode(tokenizer.encode("aé😀"), false));
    assertArrayEquals(tokenizer.encode("\ufffd"), tokenizer.encode("\ud800"));
    assertEquals("\ufffd", tokenizer.decode(new int[] {0xc3, ByteTokenizer.END}, true));
    assertEquals(0, tokenizer.encode("").length);
  }

  @Test
  void theEndIsTheOnlySpecialTokenAndHasNoSpelling() {
    assertEquals(257, tokenizer.vocabSize());
    for (int id = 0; id < tokenizer.vocabSize(); id++) {
      assertEquals(id == ByteTokenizer.END, tokenizer.isSpecial(id));
      assertEquals(id == ByteTokenizer.END ? 0 : 1, tokenizer.tokenBytes(id).length);
    }
    assertEquals('x', tokenizer.tokenId("x"));
    assertEquals(-1, tokenizer.tokenId("xy"));
  }

  @Test
  void tokenByTokenIsTheSameText() {
    IncrementalDetokenizer text = new IncrementalDetokenizer(tokenizer, List.of("stop"));
    for (int id : tokenizer.encode(" aé😀 sto")) {
      assertFalse(text.add(id));
    }
    assertTrue(text.add('p'));
    assertEquals(" aé😀 ", text.finish());
  }

  @Test
  void conversationsAreTheirContentsOrWhatATemplateMakesOfThem() {
    List<Message> turns = List.of(Message.of("system", "Be brief."), Message.of("user", "Why?"));
    RenderedPrompt plain = ModelText.ofBytes(null, Map.of()).renderer().render(turns);
    assertEquals("Be brief.\nWhy?", plain.text());
    assertArrayEquals(tokenizer.encode(plain.text()), plain.tokenIds());
    String template = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ end }}{% endfor %}";
    ModelText other = ModelText.ofBytes(template, Map.of("end", "|"));
    assertEquals("system: Be brief.|user: Why?|", other.renderer().render(turns).text());
    assertFalse(other.templateFingerprint().equals(ModelText.ofBytes(null, null).templateFingerprint()));
  }
}
