// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import static io.winnow.kernels.StepPlan.RowSet.ALL;
import static io.winnow.kernels.StepPlan.RowSet.PICKED;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.PreparedStep;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.StepRows;
import io.winnow.kernels.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A decoder-only transformer of the Llama kind (pre-norm, grouped-query attention, rotary embedding, SwiGLU). Owns its
 * weights and activations; one caller at a time.
 */
public final class DecoderModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(DecoderModel.class.getName());

  private final ModelConfig config;
  private final Kernels kernels;
  private final WeightPrecision precision;
  private final int maxRows;
  private final int maxLogitRows;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final Weights weights;
  private final RopeTable rope;
  private final NativeBuffer hidden;
  private final NativeBuffer normed;
  private final NativeBuffer qkv;
  private final NativeBuffer attended;
  private final NativeBuffer gateUp;
  private final NativeBuffer activated;
  private final NativeBuffer lastHidden;
  private final NativeBuffer logits;
  /** The step as the kernels run it, for one cache. */
  private PreparedStep prepared;
  private KvCache plannedCache;
  /** The head alone, for further rows of the last step. */
  private PreparedStep preparedHead;
  private int lastRows;

  /** All weights; the head may be the embedding itself. */
  private record Weights(Weight embedding, Weight head, NativeBuffer finalNorm, Block[] blocks) {
    static Weights of(ModelConfig config, ModelTensors tensors) {
      Weight embedding = tensors.matrix("model.embed_tokens.weight");
      Weight head = config.tiedEmbeddings() ? embedding : tensors.matrix("lm_head.weight");
      NativeBuffer finalNorm = tensors.vector("model.norm.weight");
      Block[] blocks = new Block[config.layers()];
      for (int i = 0; i < blocks.length; i++) {
        blocks[i] = block(tensors, "model.layers." + i + ".");
      }
      return new Weights(embedding, head, finalNorm, blocks);
    }
  }

  /** The weights of one layer; biases may be null. */
  private record Block(
      NativeBuffer attentionNorm,
      Weight qkv,
      NativeBuffer qkvBias,
      Weight output,
      NativeBuffer outputBias,
      NativeBuffer mlpNorm,
      Weight gateUp,
      NativeBuffer gateUpBias,
      Weight down,
      NativeBuffer downBias) {}

  /**
   * Loads all weights: maps them where they lie packed in the user's cache, packs them otherwise.
   *
   * @param checkpoint the files; not needed any more afterwards
   * @param kernels who computes
   * @param precision how weights are held
   * @param maxRows tokens of a step at most
   * @param maxLogitRows rows of a step that need logits at most
   * @param maxPositions positions a sequence can reach
   */
  public DecoderModel(
      Checkpoint checkpoint, Kernels kernels, WeightPrecision precision, int maxRows, int maxLogitRows, int maxPositions) {
    this(checkpoint, kernels, precision, maxRows, maxLogitRows, maxPositions, true);
  }

  /** As above. @param shared whether weights may be mapped from the user's cache; if not, they are packed here */
  public DecoderModel(
      Checkpoint checkpoint, Kernels kernels, WeightPrecision precision, int maxRows, int maxLogitRows,
      int maxPositions, boolean shared) {
    this(checkpoint, kernels, precision, maxRows, maxLogitRows, maxPositions, shared ? WeightCache.ofUser() : null);
  }

  /** @param cache of packed weights; null for none */
  DecoderModel(
      Checkpoint checkpoint, Kernels kernels, WeightPrecision precision, int maxRows, int maxLogitRows, int maxPositions,
      WeightCache cache) {
    this.config = checkpoint.config();
    this.kernels = kernels;
    this.precision = precision;
    this.maxRows = maxRows;
    this.maxLogitRows = maxLogitRows;
    try {
      PackedWeights packed =
          cache == null
              ? null
              : cache.open(checkpoint, kernels, precision, tensors -> Weights.of(checkpoint.config(), tensors));
      if (packed != null) {
        own(packed);
      }
      WeightLoader loader = new WeightLoader(checkpoint, kernels, precision, packed, owned);
      weights = Weights.of(config, loader);
      if (!loader.requantized().isEmpty()) {
        LOG.log(
            System.Logger.Level.WARNING,
            "--weights {0} is a requantization: {1} matrices of the file hold integers already, such as {2}, and lose"
                + " precision a second time. Leave --weights out to keep them as they are.",
            precision.label(), loader.requantized().size(), loader.requantized().get(0));
      }
      rope = own(new RopeTable(config, maxPositions));
      int attentionWidth = config.heads() * config.headDim();
      // activationBytes() adds up the same.
      hidden = buffer(maxRows, config.hiddenSize());
      normed = buffer(maxRows, config.hiddenSize());
      qkv = buffer(maxRows, attentionWidth + 2 * config.kvHeads() * config.headDim());
      attended = buffer(maxRows, attentionWidth);
      gateUp = buffer(maxRows, 2 * config.intermediateSize());
      activated = buffer(maxRows, config.intermediateSize());
      lastHidden = buffer(maxLogitRows, config.hiddenSize());
      logits = buffer(maxLogitRows, config.vocabSize());
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private static Block block(ModelTensors tensors, String layer) {
    String attention = layer + "self_attn.";
    String mlp = layer + "mlp.";
    return new Block(
        tensors.vector(layer + "input_layernorm.weight"),
        tensors.matrix(attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"),
        tensors.bias(attention + "q_proj.bias", attention + "k_proj.bias", attention + "v_proj.bias"),
        tensors.matrix(attention + "o_proj.weight"),
        tensors.bias(attention + "o_proj.bias"),
        tensors.vector(layer + "post_attention_layernorm.weight"),
        tensors.matrix(mlp + "gate_proj.weight", mlp + "up_proj.weight"),
        tensors.bias(mlp + "gate_proj.bias", mlp + "up_proj.bias"),
        tensors.matrix(mlp + "down_proj.weight"),
        tensors.bias(mlp + "down_proj.bias"));
  }

  /** Bytes outside the heap that the weights take once they are loaded; reads headers only. */
  public static long weightBytes(Checkpoint checkpoint, WeightPrecision precision) {
    WeightSizes sizes = new WeightSizes(checkpoint, precision);
    Weights.of(checkpoint.config(), sizes);
    return sizes.bytes;
  }

  /** Bytes outside the heap that a model takes beside its weights; parameters as in the constructor. */
  public static long activationBytes(ModelConfig config, int maxRows, int maxLogitRows, int maxPositions) {
    long attention = (2L * config.heads() + 2L * config.kvHeads()) * config.headDim();
    long row = 2L * config.hiddenSize() + attention + 3L * config.intermediateSize();
    long logitRow = (long) config.hiddenSize() + config.vocabSize();
    long rope = (long) maxPositions * config.headDim();
    return (maxRows * row + maxLogitRows * logitRow + rope) * Float.BYTES;
  }

  private NativeBuffer buffer(long rows, long cols) {
    return own(NativeBuffer.ofElements(rows * cols));
  }

  private <T extends AutoCloseable> T own(T part) {
    owned.add(part);
    return part;
  }

  public ModelConfig config() {
    return config;
  }

  public WeightPrecision precision() {
    return precision;
  }

  public int maxRows() {
    return maxRows;
  }

  public int maxLogitRows() {
    return maxLogitRows;
  }

  /**
   * Computes one step: stores keys and values of all rows and gives the logits of some.
   *
   * @param tokens token of each row
   * @param rows sequences and positions of the rows
   * @param logitRows rows whose logits are wanted; one may occur several times
   * @param logitCount how many of them
   * @param cache where the rows' sequences live
   * @return logits, float32 [logitCount][vocab], valid until the next step
   */
  public NativeBuffer step(int[] tokens, RowMap rows, int[] logitRows, int logitCount, KvCache cache) {
    if (cache != plannedCache) {
      dropPlan();
      prepared = kernels.prepare(plan(cache));
      plannedCache = cache;
    }
    prepared.run(new StepRows(tokens, rows, logitRows, logitCount));
    lastRows = rows.count();
    return logits;
  }

  /**
   * Gives the logits of other rows of the last step, in place of those that it gave.
   *
   * @param logitRows rows whose logits are wanted
   * @param first the first of them that is read
   * @param count how many of them, at most {@link #maxLogitRows}
   * @return logits, float32 [count][vocab], valid until the next call
   */
  public NativeBuffer logits(int[] logitRows, int first, int count) {
    if (preparedHead == null) {
      List<StepPlan.Op> ops = new ArrayList<>();
      addHead(ops);
      preparedHead = kernels.prepare(new StepPlan(ops));
    }
    int[] picked = Arrays.copyOfRange(logitRows, first, first + count);
    preparedHead.run(new StepRows(null, new RowMap(lastRows, null, null), picked, count));
    return logits;
  }

  /** The operations of a step: the same for every batch. */
  private StepPlan plan(KvCache cache) {
    int width = config.hiddenSize();
    int headDim = config.headDim();
    int heads = config.heads();
    int stride = (heads + 2 * config.kvHeads()) * headDim;
    float eps = (float) config.rmsNormEps();
    float scale = (float) (1.0 / Math.sqrt(headDim));
    List<StepPlan.Op> ops = new ArrayList<>();
    ops.add(new StepPlan.Embed(weights.embedding, hidden));
    for (int layer = 0; layer < weights.blocks.length; layer++) {
      Block b = weights.blocks[layer];
      ops.add(new StepPlan.RmsNorm(ALL, hidden, width, b.attentionNorm, eps, normed));
      ops.add(new StepPlan.Matmul(ALL, normed, b.qkv, b.qkvBias, null, qkv));
      ops.add(new StepPlan.Rope(qkv, stride, heads + config.kvHeads(), headDim, rope.cos, rope.sin));
      ops.add(new StepPlan.StoreKv(qkv, cache, layer, heads));
      ops.add(new StepPlan.Attention(qkv, attended, cache, layer, heads, scale, config.slidingWindow()));
      ops.add(new StepPlan.Matmul(ALL, attended, b.output, b.outputBias, hidden, hidden));
      ops.add(new StepPlan.RmsNorm(ALL, hidden, width, b.mlpNorm, eps, normed));
      ops.add(new StepPlan.Matmul(ALL, normed, b.gateUp, b.gateUpBias, null, gateUp));
      ops.add(new StepPlan.SiluMul(gateUp, config.intermediateSize(), activated));
      ops.add(new StepPlan.Matmul(ALL, activated, b.down, b.downBias, hidden, hidden));
    }
    addHead(ops);
    return new StepPlan(ops);
  }

  /** From the residual stream of some rows to their logits. */
  private void addHead(List<StepPlan.Op> ops) {
    int width = config.hiddenSize();
    ops.add(new StepPlan.Gather(hidden, width, lastHidden));
    ops.add(
        new StepPlan.RmsNorm(PICKED, lastHidden, width, weights.finalNorm, (float) config.rmsNormEps(), lastHidden));
    ops.add(new StepPlan.Matmul(PICKED, lastHidden, weights.head, null, null, logits));
  }

  private void dropPlan() {
    if (prepared != null) {
      prepared.close();
      prepared = null;
      plannedCache = null;
    }
  }

  /** The residual stream of a row after the last step, before the final norm: float32 [hidden]. For tests. */
  public float[] hidden(int row) {
    float[] out = new float[config.hiddenSize()];
    hidden.read((long) row * out.length, out, 0, out.length);
    return out;
  }

  @Override
  public void close() {
    dropPlan();
    if (preparedHead != null) {
      preparedHead.close();
      preparedHead = null;
    }
    // The mapping, which came first, goes last.
    for (int i = owned.size() - 1; i >= 0; i--) {
      try {
        owned.get(i).close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
    owned.clear();
  }
}
