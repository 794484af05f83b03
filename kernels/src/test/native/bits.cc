// SPDX-License-Identifier: Apache-2.0
// Runs fixed random cases of each operation through the C ABI, on every instruction set that this build and machine
// have, and prints a hash of the outputs' bits, a line an operation. The lines of any two builds, compilers and
// processors must be equal: so an emulated arm64 is held to x86-64, which the Java tests hold to the reference.
//   winnow_bits [-v] [SEED]    -v: a line a case, to find the first that differs
// Ends with 1 if two instruction sets differ, or if memory is left behind.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <vector>

#include "splitmix64.h"
#include "winnow_kernels.h"

namespace {

const int kCases = 40;
bool verbose = false;
uint64_t seed = 1;

class Random : public SplitMix64 {
 public:
  using SplitMix64::SplitMix64;

  int32_t below(int32_t n) { return static_cast<int32_t>(next() >> 33) % n; }
  int32_t of(const std::vector<int32_t>& choices) { return choices[below(static_cast<int32_t>(choices.size()))]; }

  /* Around 1 for the most part; some zeros, subnormals, large ones and, if asked for, what is no number. */
  float number(bool hostile) {
    uint64_t bits = next();
    float value = static_cast<float>(static_cast<int32_t>(bits >> 40) - (1 << 23)) * 0x1p-22f;
    switch (bits & 4095) {
      case 0: return value * 0x1p60f;
      case 1: return hostile ? __builtin_nanf("") : value;
      case 2: return hostile ? -__builtin_inff() : value;
      default: return bits % 64 == 3 ? -0.0f : bits % 64 == 4 ? value * 0x1p-140f : value;
    }
  }
  std::vector<float> numbers(size_t count, bool hostile = false) {
    std::vector<float> out(count);
    for (float& f : out) f = number(hostile);
    return out;
  }
};

/* FNV-1a over bits; all NaNs are one. */
uint64_t hash(const std::vector<float>& values, uint64_t from) {
  for (float value : values) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (value != value) bits = 0x7FC00000;
    for (int i = 0; i < 4; i++) from = (from ^ (bits >> 8 * i & 255)) * 0x100000001B3u;
  }
  return from;
}

void run(wk_context* context, const wk_op& op, const wk_rows& rows) {
  int32_t status = wk_run(context, &op, 1, &rows);
  if (status != WK_OK) {
    fprintf(stderr, "operation %d is refused with status %d\n", op.kind, status);
    exit(1);
  }
}

wk_op operation(int32_t kind, const float* x, float* out, int32_t cols) {
  wk_op op = {};
  op.kind = kind;
  op.x = x;
  op.out = out;
  op.cols = cols;
  return op;
}

wk_rows rows_of(int32_t count) {
  wk_rows rows = {};
  rows.count = count;
  return rows;
}

void* aligned(int64_t bytes) { return aligned_alloc(64, (bytes + 63) & ~63LL); }

/* A packed matrix in memory that is aligned as the ABI asks. */
struct Packed {
  wk_weight weight = {};
  void* data;
  void* scales = nullptr;
  void* mins = nullptr;

  Packed(Random& random, int32_t format, int32_t rows, int32_t cols) {
    data = aligned(wk_packed_bytes(format, rows, cols));
    weight.data = data;
    weight.rows = rows;
    weight.cols = cols;
    weight.format = format;
    if (format == WK_INT8 || format == WK_INT4) {
      codes(random);
      return;
    }
    std::vector<float> source = random.numbers(static_cast<size_t>(rows) * cols);
    if (wk_pack(&weight, data, 0, rows, source.data()) != WK_OK) exit(1);
  }
  ~Packed() {
    free(data);
    free(scales);
    free(mins);
  }

 private:
  void codes(Random& random) {
    weight.group = random.of({16, 32, 64, 128});
    weight.zero = random.below(weight.format == WK_INT8 ? 256 : 16);
    weight.half = random.below(2);
    bool has_min = random.below(2) == 0;
    int64_t groups = (weight.cols + weight.group - 1) / weight.group, each = weight.half ? 2 : 4;
    int64_t bytes = (weight.rows + 15) / 16 * 16 * groups * each;
    weight.scales = scales = aligned(bytes);
    if (has_min) weight.mins = mins = aligned(bytes);
    std::vector<uint8_t> source(static_cast<size_t>(weight.rows) * weight.cols);
    for (uint8_t& code : source) code = static_cast<uint8_t>(random.below(weight.format == WK_INT8 ? 256 : 16));
    std::vector<uint8_t> of_scales = factors(random, weight.rows * groups);
    std::vector<uint8_t> of_mins = factors(random, weight.rows * groups);
    int32_t status = wk_pack_codes(&weight, data, scales, mins, 0, weight.rows, source.data(), of_scales.data(),
                                   has_min ? of_mins.data() : nullptr);
    if (status != WK_OK) exit(1);
  }

  /* Of size 2^-14 … 2, of either sign, as float16 or float32. */
  std::vector<uint8_t> factors(Random& random, int64_t count) const {
    size_t each = weight.half ? 2 : 4;
    std::vector<uint8_t> out(count * each);
    for (int64_t i = 0; i < count; i++) {
      uint16_t half = static_cast<uint16_t>((random.below(16 << 10) + (1 << 10)) | random.below(2) << 15);
      float wide = random.number(false) * 0.01f;
      memcpy(out.data() + i * each, weight.half ? static_cast<void*>(&half) : &wide, each);
    }
    return out;
  }
};

std::vector<float> matmul(wk_context* context, Random& random, int32_t format) {
  int32_t rows = random.of({1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 40, 97}), outputs = random.of({1, 15, 16, 17, 65, 130});
  int32_t cols = random.of({1, 31, 64, 96, 161, 544});
  Packed w(random, format, outputs, cols);
  std::vector<float> x = random.numbers(static_cast<size_t>(rows) * cols);
  std::vector<float> bias = random.numbers(outputs), out = random.numbers(static_cast<size_t>(rows) * outputs);
  wk_op op = operation(WK_MATMUL, x.data(), out.data(), 0);
  op.weight = &w.weight;
  if (random.below(2) == 0) op.a = bias.data();
  if (random.below(2) == 0) op.b = out.data();
  run(context, op, rows_of(rows));
  return out;
}

std::vector<float> embed(wk_context* context, Random& random, int32_t format) {
  int32_t rows = 1 + random.below(20), vocab = 1 + random.below(50), cols = random.of({1, 33, 96, 160});
  Packed w(random, format, vocab, cols);
  std::vector<int32_t> tokens(rows);
  for (int32_t& token : tokens) token = random.below(vocab);
  std::vector<float> out(static_cast<size_t>(rows) * cols);
  wk_op op = operation(WK_EMBED, nullptr, out.data(), 0);
  op.weight = &w.weight;
  wk_rows step = rows_of(rows);
  step.tokens = tokens.data();
  run(context, op, step);
  return out;
}

std::vector<float> rms_norm(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(30), cols = 1 + random.below(200);
  std::vector<float> x = random.numbers(static_cast<size_t>(rows) * cols), weight = random.numbers(cols), out(x.size());
  wk_op op = operation(WK_RMS_NORM, x.data(), out.data(), cols);
  op.a = weight.data();
  op.scale = random.below(3) == 0 ? 0 : 1e-5f;
  run(context, op, rows_of(rows));
  return out;
}

std::vector<float> rope(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(30), heads = 1 + random.below(5), dim = 2 * (1 + random.below(70));
  int32_t stride = heads * dim + random.below(40), positions = 50;
  std::vector<float> x = random.numbers(static_cast<size_t>(rows) * stride);
  std::vector<float> cos = random.numbers(positions * dim / 2), sin = random.numbers(positions * dim / 2);
  std::vector<int32_t> position(rows);
  for (int32_t& p : position) p = random.below(positions);
  wk_op op = operation(WK_ROPE, nullptr, x.data(), stride);
  op.a = cos.data();
  op.b = sin.data();
  op.heads = heads;
  op.head_dim = dim;
  wk_rows step = rows_of(rows);
  step.positions = position.data();
  run(context, op, step);
  return x;
}

std::vector<float> silu_mul(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(30), cols = 1 + random.below(200);
  std::vector<float> x = random.numbers(2 * static_cast<size_t>(rows) * cols, true);
  for (float& f : x) f *= random.below(2) == 0 ? 1 : 60;
  std::vector<float> out(static_cast<size_t>(rows) * cols);
  run(context, operation(WK_SILU_MUL, x.data(), out.data(), cols), rows_of(rows));
  return out;
}

std::vector<float> gather(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(30), cols = 1 + random.below(200), count = 1 + random.below(40);
  std::vector<float> x = random.numbers(static_cast<size_t>(rows) * cols, true);
  std::vector<float> out(static_cast<size_t>(count) * cols);
  std::vector<int32_t> picked(count);
  for (int32_t& p : picked) p = random.below(rows);
  wk_op op = operation(WK_GATHER, x.data(), out.data(), cols);
  op.row_set = WK_PICKED_ROWS;
  wk_rows step = rows_of(rows);
  step.picked = picked.data();
  step.picked_count = count;
  run(context, op, step);
  return out;
}

/* Sequences of some lengths whose first page may be one; all is stored, then their last rows look back. */
std::vector<float> attention(wk_context* context, Random& random, int32_t format) {
  int32_t kv_heads = random.of({1, 2, 3}), heads = kv_heads * random.of({1, 2, 3, 7});
  int32_t dim = random.of({8, 16, 20, 48, 64, 80, 128}), width = (heads + 2 * kv_heads) * dim;
  int32_t sequences = 1 + random.below(5), layers = 2;
  std::vector<int32_t> length(sequences), pages, shuffled, table, position, seen_table, seen_position;
  int32_t rows = 0, seen = 0;
  for (int32_t& l : length) l = random.of({1, 5, 63, 64, 65, 200, 256, 257, 300, 530});
  for (int32_t i = 0; i < sequences * 9; i++) shuffled.push_back(i);
  for (int32_t i = sequences * 9 - 1; i > 0; i--) std::swap(shuffled[i], shuffled[random.below(i + 1)]);
  bool shares = random.below(2) == 0;
  for (int32_t s = 0; s < sequences; s++) {
    for (int32_t i = 0; i < 9; i++) pages.push_back(shuffled[i == 0 && shares ? 0 : s * 9 + i]);
    int32_t looks = std::min(length[s], 1 + random.below(6));
    for (int32_t p = 0; p < length[s]; p++, rows++) {
      table.push_back(s * 9);
      position.push_back(p);
      if (p < length[s] - looks) continue;
      seen_table.push_back(s * 9);
      seen_position.push_back(p);
      seen++;
    }
  }
  std::vector<float> qkv = random.numbers(static_cast<size_t>(rows) * width, random.below(4) == 0);
  // What was never stored may hold anything.
  std::vector<float> cache(static_cast<size_t>(sequences) * 9 * layers * kv_heads * dim * 64 * 2, __builtin_nanf(""));
  std::vector<float> out(static_cast<size_t>(seen) * heads * dim);
  wk_op op = operation(WK_STORE_KV, qkv.data(), out.data(), 0);
  op.cache = cache.data();
  op.cache_format = format;
  op.heads = heads;
  op.kv_heads = kv_heads;
  op.head_dim = dim;
  op.layers = layers;
  op.layer = random.below(layers);
  op.scale = 0.3f;
  wk_rows step = rows_of(rows);
  step.pages = pages.data();
  if (shares) {
    // Two rows must not store to one place: only the first sequence stores the page that all share.
    std::vector<int32_t> t, p;
    std::vector<float> kept;
    for (int32_t r = 0; r < rows; r++) {
      if (table[r] > 0 && position[r] < 64) continue;
      t.push_back(table[r]);
      p.push_back(position[r]);
      kept.insert(kept.end(), qkv.begin() + static_cast<int64_t>(r) * width,
                  qkv.begin() + static_cast<int64_t>(r + 1) * width);
    }
    table = t;
    position = p;
    qkv = kept;
    qkv.resize(std::max(qkv.size(), static_cast<size_t>(seen) * width), 0.5f);
    op.x = qkv.data();
    step.count = static_cast<int32_t>(table.size());
  }
  step.page_table = table.data();
  step.positions = position.data();
  run(context, op, step);
  op.kind = WK_ATTENTION;
  op.window = random.of({0, 0, 1, 70, 300});
  step.count = seen;
  step.page_table = seen_table.data();
  step.positions = seen_position.data();
  run(context, op, step);
  return out;
}

/* Tokens, and what their log-probabilities are made from. */
std::vector<float> sample(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(12), vocab = random.of({1, 17, 130, 1000, 5003});
  std::vector<float> logits = random.numbers(static_cast<size_t>(rows) * vocab, random.below(8) == 0);
  float spread = static_cast<float>(random.of({1, 4, 16}));
  for (float& l : logits) l *= spread;
  std::vector<int32_t> seen, times, biased, top_k, seen_count, bias_count, index, position, want, token(rows);
  std::vector<uint32_t> masks;
  std::vector<int64_t> seen_start, bias_start, mask_start, seeds, stream, raw_sum(rows);
  std::vector<double> top_p;
  std::vector<float> bias, temperature, min_p, penalty, frequency, presence, raw_max(rows), raw_token(rows);
  for (int32_t r = 0; r < rows; r++) {
    seen_start.push_back(static_cast<int64_t>(seen.size()));
    for (int32_t id = 0; id < vocab && id < 40; id += 1 + random.below(9)) seen.push_back(id);
    seen_count.push_back(static_cast<int32_t>(seen.size() - seen_start.back()));
    while (times.size() < seen.size()) times.push_back(random.below(4));
    bias_start.push_back(static_cast<int64_t>(biased.size()));
    if (random.below(2) == 0) {
      for (int32_t id = random.below(20); id < vocab; id += 1 + random.below(vocab)) biased.push_back(id);
    }
    bias_count.push_back(static_cast<int32_t>(biased.size() - bias_start.back()));
    while (bias.size() < biased.size()) {
      bias.push_back(random.below(3) == 0 ? -__builtin_inff() : static_cast<float>(random.below(200) - 100) / 9);
    }
    mask_start.push_back(random.below(3) > 0 ? -1 : static_cast<int64_t>(masks.size()));
    for (int32_t i = 0; mask_start.back() >= 0 && i < vocab; i += 32) {
      masks.push_back(static_cast<uint32_t>(random.next()));
    }
    seeds.push_back(static_cast<int64_t>(random.next()));
    stream.push_back(static_cast<int64_t>(random.next()));
    top_p.push_back(random.of({100, 90, 50, 3}) / 100.0);
    temperature.push_back(static_cast<float>(random.of({0, 2, 8, 10, 15})) / 10);
    min_p.push_back(static_cast<float>(random.of({0, 0, 5, 100})) / 100);
    penalty.push_back(random.below(2) == 0 ? 1 : 1.3f);
    frequency.push_back(static_cast<float>(random.of({0, 0, 7, -20})) / 10);
    presence.push_back(static_cast<float>(random.of({0, 0, 11, -20})) / 10);
    top_k.push_back(random.of({0, 1, 20, 500}));
    index.push_back(random.below(1000));
    position.push_back(random.below(1000));
    want.push_back(random.below(2));
  }
  wk_sample s = {};
  s.logits = logits.data();
  s.seen = seen.data();
  s.times = times.data();
  s.biased = biased.data();
  s.bias = bias.data();
  s.seen_start = seen_start.data();
  s.bias_start = bias_start.data();
  s.masks = masks.data();
  s.mask_start = mask_start.data();
  s.seed = seeds.data();
  s.stream = stream.data();
  s.top_p = top_p.data();
  s.raw_sum = raw_sum.data();
  s.temperature = temperature.data();
  s.min_p = min_p.data();
  s.penalty = penalty.data();
  s.frequency = frequency.data();
  s.presence = presence.data();
  s.raw_max = raw_max.data();
  s.raw_token = raw_token.data();
  s.top_k = top_k.data();
  s.seen_count = seen_count.data();
  s.bias_count = bias_count.data();
  s.sample = index.data();
  s.position = position.data();
  s.want_logprob = want.data();
  s.token = token.data();
  s.rows = rows;
  s.vocab = vocab;
  if (wk_sample_rows(context, &s) != WK_OK) exit(1);
  std::vector<float> out;
  for (int32_t r = 0; r < rows; r++) {
    out.push_back(static_cast<float>(token[r]));
    if (want[r] == 0 || token[r] < 0) continue;
    out.push_back(raw_max[r]);
    out.push_back(raw_token[r]);
    for (int shift = 0; shift < 64; shift += 16) out.push_back(static_cast<float>(raw_sum[r] >> shift & 0xFFFF));
  }
  return out;
}

/* What the log-probabilities of given tokens are made from. */
std::vector<float> score(wk_context* context, Random& random, int32_t) {
  int32_t rows = 1 + random.below(9), vocab = random.of({1, 17, 130, 1000, 30011});
  std::vector<float> logits = random.numbers(static_cast<size_t>(rows) * vocab, random.below(8) == 0);
  std::vector<float> raw_max(rows), raw_token(rows);
  std::vector<int64_t> raw_sum(rows);
  std::vector<int32_t> token;
  for (int32_t r = 0; r < rows; r++) token.push_back(random.below(vocab));
  wk_score s = {logits.data(), raw_sum.data(), raw_max.data(), raw_token.data(), token.data(), rows, vocab};
  if (wk_score_rows(context, &s) != WK_OK) exit(1);
  std::vector<float> out;
  for (int32_t r = 0; r < rows; r++) {
    out.push_back(raw_max[r]);
    out.push_back(raw_token[r]);
    for (int shift = 0; shift < 64; shift += 16) out.push_back(static_cast<float>(raw_sum[r] >> shift & 0xFFFF));
  }
  return out;
}

const char* name_of(int32_t isa) {
  switch (isa) {
    case WK_ISA_AVX2: return "avx2";
    case WK_ISA_AVX512: return "avx512";
    case WK_ISA_AMX: return "amx";
    case WK_ISA_NEON: return "neon";
    default: return "unknown";
  }
}

typedef std::vector<float> (*Case)(wk_context*, Random&, int32_t format);

std::string line(wk_context* const* contexts, const char* name, Case one, int32_t format) {
  uint64_t all = 0xCBF29CE484222325u;
  char text[100];
  for (int i = 0; i < kCases; i++) {
    Random random(seed * 1000003 + i);
    uint64_t of_case = hash(one(contexts[i % 3], random, format), 0xCBF29CE484222325u);
    all = (all ^ of_case) * 0x100000001B3u;
    if (verbose) printf("  %s %d case %d: %016llx\n", name, format, i, static_cast<unsigned long long>(of_case));
  }
  snprintf(text, sizeof text, "%-10s %d  %016llx", name, format, static_cast<unsigned long long>(all));
  return text;
}

std::vector<std::string> lines(int32_t isa) {
  wk_context* contexts[3];
  for (int i = 0; i < 3; i++) {
    if (wk_open(i == 2 ? 5 : i + 1, isa, &contexts[i]) != WK_OK) exit(1);
  }
  std::vector<std::string> out;
  for (int32_t format = 0; wk_packed_bytes(format, 16, 32) > 0; format++) {
    if (format == WK_BF16_TILES) continue;  // has bits of its own, and few machines have it
    out.push_back(line(contexts, "matmul", matmul, format));
    out.push_back(line(contexts, "embed", embed, format));
  }
  out.push_back(line(contexts, "rms_norm", rms_norm, 0));
  out.push_back(line(contexts, "rope", rope, 0));
  out.push_back(line(contexts, "silu_mul", silu_mul, 0));
  out.push_back(line(contexts, "gather", gather, 0));
  for (int32_t format : {WK_KV_F32, WK_KV_BF16, WK_KV_INT8}) {
    out.push_back(line(contexts, "attention", attention, format));
  }
  out.push_back(line(contexts, "sample", sample, 0));
  out.push_back(line(contexts, "score", score, 0));
  for (wk_context* context : contexts) wk_close(context);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-v") == 0) {
      verbose = true;
    } else {
      seed = strtoull(argv[i], nullptr, 10);
    }
  }
  std::vector<std::string> first;
  bool equal = true;
  for (int32_t isa = 1; isa <= WK_ISA_NEON; isa <<= 1) {
    if ((wk_isas() & isa) == 0) continue;
    fprintf(stderr, "%s\n", name_of(isa));
    std::vector<std::string> found = lines(isa);
    if (first.empty()) first = found;
    for (size_t i = 0; i < found.size(); i++) {
      if (found[i] == first[i]) continue;
      fprintf(stderr, "%s differs: %s and not %s\n", name_of(isa), found[i].c_str(), first[i].c_str());
      equal = false;
    }
  }
  for (const std::string& text : first) printf("%s\n", text.c_str());
  long long left = wk_outstanding_bytes();
  if (left != 0) fprintf(stderr, "%lld bytes are left\n", left);
  return equal && !first.empty() && left == 0 ? 0 : 1;
}
