// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.ForwardingCheckpoint;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.checkpoint.QuantLayout;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.inference.tokenizer.Tokenizer;
import io.winnow.inference.tokenizer.Tokenizers;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What integer weights, and narrow keys and values, cost SmolLM2: teacher-forced over GSM8K's texts, against the same file
 * dequantized to float32 with keys and values in float32.
 * Needs winnow.fixtures and winnow.data.
 */
class WeightQualityTest {
  private static final int TEXTS = Integer.getInteger("winnow.quality.texts", 16);
  private static final int CONTEXT = 1024;
  private static final String DATA = System.getProperty("winnow.data", "");
  private static final Path QUESTIONS = Path.of(DATA, "gsm8k", "test.jsonl");

  /** Sums over positions. */
  private static final class Tally {
    long positions;
    long sameFirst;
    double divergence;
    double surprise;
    double referenceSurprise;

    double perplexityRatio() {
      return Math.exp((surprise - referenceSurprise) / positions);
    }

    void check(String what) {
      double first = (double) sameFirst / positions;
      double mean = divergence / positions;
      System.out.printf(
          "%-28s %,d positions: first choice %.2f %%, mean KL %.5f, perplexity x %.4f%n",
          what, positions, 100 * first, mean, perplexityRatio());
      assertTrue(first >= 0.97, what + ": the same first choice on " + first);
      assertTrue(mean <= 0.005, what + ": mean KL divergence " + mean);
      assertTrue(Math.abs(perplexityRatio() - 1) <= 0.01, what + ": perplexity x " + perplexityRatio());
    }
  }

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** SmolLM2; the tests are left out where it, or GSM8K, is not here. */
  private static Path folder() {
    String fixtures = System.getProperty("winnow.fixtures", "");
    Path folder = Path.of(fixtures, "models", "smollm2-135m-q4_1");
    assumeTrue(
        !fixtures.isEmpty() && !DATA.isEmpty() && Files.isDirectory(folder) && Files.exists(QUESTIONS),
        "no winnow.fixtures and winnow.data: SmolLM2 and GSM8K are not here");
    return folder;
  }

  @Test
  void integerWeightsStayNearTheFloatModel() throws IOException {
    Path folder = folder();
    List<int[]> texts = texts(Checkpoints.locate(folder), QUESTIONS);
    try (Checkpoint file = Checkpoints.open(folder)) {
      compare(file, texts, WeightPrecision.BLOCKS, file).check("the file's codes (int4)");
      compare(floats(file), texts, WeightPrecision.INT8, file).check("int8 from floats");
    }
  }

  @Test
  void narrowKeysAndValuesStayNearThoseInFloat32() throws IOException {
    Path folder = folder();
    List<int[]> texts = texts(Checkpoints.locate(folder), QUESTIONS);
    try (Checkpoint file = Checkpoints.open(folder)) {
      for (KvFormat format : new KvFormat[] {KvFormat.BF16, KvFormat.INT8}) {
        Tally tally = compare(file, texts, WeightPrecision.F32, file, format);
        tally.check("keys and values in " + format);
      }
    }
  }

  /** The shipped model, since the model of the tiles in Java is slow; needs nothing else. */
  @Test
  void nativeProductsStayNearTheFloatModel() throws IOException {
    Path examples = Path.of(System.getProperty("winnow.root", "..")).resolve("examples");
    List<int[]> texts = texts(examples.resolve("model"), examples.resolve("prompts.jsonl"));
    String kernels = KernelsLadder.nativeRefusal() == null ? "amx" : "reference";
    try (Checkpoint file = Checkpoints.open(examples.resolve("model"))) {
      compare(kernels, file, texts, WeightPrecision.BF16_TILES, file, KvFormat.F32).check("native products, " + kernels);
    }
  }

  private static List<int[]> texts(Path model, Path questions) throws IOException {
    List<int[]> out = new ArrayList<>();
    ObjectMapper json = new ObjectMapper();
    try (Tokenizer tokenizer = Tokenizers.load(model)) {
      for (String line : Files.readAllLines(questions).subList(0, TEXTS)) {
        JsonNode row = json.readTree(line);
        int[] ids = tokenizer.encode(row.get("question").asText() + "\n" + row.get("answer").asText());
        out.add(Arrays.copyOf(ids, Math.min(ids.length, CONTEXT)));
      }
    }
    return out;
  }

  private static Tally compare(Checkpoint held, List<int[]> texts, WeightPrecision precision, Checkpoint reference) {
    return compare(held, texts, precision, reference, KvFormat.F32);
  }

  private static Tally compare(
      Checkpoint held, List<int[]> texts, WeightPrecision precision, Checkpoint reference, KvFormat format) {
    List<String> names = KernelsLadder.names();
    return compare(names.get(names.size() - 1), held, texts, precision, reference, format);
  }

  private static Tally compare(
      String implementation, Checkpoint held, List<int[]> texts, WeightPrecision precision, Checkpoint reference,
      KvFormat format) {
    Tally tally = new Tally();
    try (Kernels kernels = KernelsLadder.open(implementation, 2);
        DecoderModel exact = new DecoderModel(reference, kernels, WeightPrecision.F32, 64, 64, CONTEXT);
        DecoderModel model = new DecoderModel(held, kernels, precision, 64, 64, CONTEXT);
        KvCache exactCache = cache(KvFormat.F32, exact.config());
        KvCache cache = cache(format, exact.config())) {
      int vocab = exact.config().vocabSize();
      float[] p = new float[vocab];
      float[] q = new float[vocab];
      for (int[] text : texts) {
        for (int from = 0; from < text.length - 1; from += 64) {
          int count = Math.min(64, text.length - 1 - from);
          NativeBuffer exactLogits = step(exact, exactCache, text, from, count);
          NativeBuffer logits = step(model, cache, text, from, count);
          for (int i = 0; i < count; i++) {
            exactLogits.read((long) i * vocab, p, 0, vocab);
            logits.read((long) i * vocab, q, 0, vocab);
            add(tally, p, q, text[from + i + 1]);
          }
        }
      }
    }
    return tally;
  }

  private static KvCache cache(KvFormat format, ModelConfig config) {
    return new KvCache(
        format, config.layers(), config.kvHeads(), config.headDim(), CONTEXT / KvCache.PAGE_TOKENS);
  }

  private static NativeBuffer step(DecoderModel model, KvCache cache, int[] text, int from, int count) {
    int[] pages = new int[cache.pages()];
    Arrays.setAll(pages, i -> i);
    int[] positions = new int[count];
    int[] rows = new int[count];
    int[][] tables = new int[count][];
    for (int i = 0; i < count; i++) {
      positions[i] = from + i;
      rows[i] = i;
      tables[i] = pages;
    }
    int[] tokens = Arrays.copyOfRange(text, from, from + count);
    return model.step(tokens, new RowMap(count, positions, tables), rows, count, cache);
  }

  private static void add(Tally tally, float[] p, float[] q, int next) {
    int firstP = 0;
    int firstQ = 0;
    for (int i = 1; i < p.length; i++) {
      firstP = p[i] > p[firstP] ? i : firstP;
      firstQ = q[i] > q[firstQ] ? i : firstQ;
    }
    double sumP = 0;
    double sumQ = 0;
    double difference = 0;
    for (int i = 0; i < p.length; i++) {
      double e = Math.exp((double) p[i] - p[firstP]);
      sumP += e;
      sumQ += Math.exp((double) q[i] - q[firstQ]);
      difference += e * ((double) p[i] - q[i]);
    }
    double logP = p[firstP] + Math.log(sumP);
    double logQ = q[firstQ] + Math.log(sumQ);
    tally.positions++;
    tally.sameFirst += firstP == firstQ ? 1 : 0;
    tally.divergence += difference / sumP - logP + logQ;
    tally.referenceSurprise += logP - p[next];
    tally.surprise += logQ - q[next];
  }

  /** A file whose codes nobody sees. */
  private static Checkpoint floats(Checkpoint file) {
    return new ForwardingCheckpoint(file) {
      @Override
      public QuantLayout quantLayout(String name) {
        return null;
      }
    };
  }
}
