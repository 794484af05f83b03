// SPDX-License-Identifier: Apache-2.0
// Draws a token of each row: w = rint(exp((l − max) / T) · 2^30); the cuts and the draw are sums of these integers.
// NUMERICS.md: sample.
//
// Operands: logits float [rows][vocab], read only; wk_sample has the others. Nothing sorts the vocabulary: tokens of
// weight 0 are left out at once (for most models that leaves some hundreds), and a cut is found by splitting what is
// left about a pivot again and again, keeping the side that holds the cut. Weights are held in float32, which holds
// them exactly, as it holds exp(…) · 2^30. Tails: the last vocab mod 16 logits as a vector that is filled up with −∞,
// or with the row's first logit where the largest is looked for; lists of survivors are filled up with 0 or −∞, which
// no comparison keeps. Test: SampleTest, SampleShapesTest.
#include "../ops.h"
#include "../philox.h"
#include "logit_rows.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr float kOne = 0x1p30f;
constexpr float kMost = 0x1.fffffep127f;  // the largest finite number
// Elements that the draw passes at once.
constexpr int32_t kStride = 256;

int64_t padded(int64_t count) { return (count + 31) & ~15LL; }

int64_t scratch(const wk_sample& s) { return padded(s.vocab) * 4 * sizeof(float); }

/* Tokens that survive, ids ascending; weights are filled up to a whole vector with zeros. */
struct Survivors {
  float* weight;
  int32_t* id;
  int32_t count;
};

/* What a cut keeps: everything above `key`, and of those equal to it the `ties` with the lowest ids. */
struct Cut {
  float key;
  int64_t ties;
};

/* The lowest index of the value that is the largest. */
int32_t first_of(const float* x, int32_t count, float most) {
  for (int32_t i = 0; i < count; i += 16) {
    F32x16 v = i + 16 <= count ? load(x + i) : load_first(x + i, count - i, -__builtin_inff());
    uint32_t below = gt_bits(set1(most), v);
    if (below != kAll) return i + __builtin_ctz(~below);
  }
  return 0;
}

/* Order of float32 as integers, and back. */
int32_t ordered(float f) {
  int32_t bits;
  memcpy(&bits, &f, 4);
  return bits ^ (bits >> 31 & INT32_MAX);
}
float unordered(int32_t order) {
  int32_t bits = order ^ (order >> 31 & INT32_MAX);
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

/* A value p with low <= p < high, given low < high. */
float between(float low, float high, bool in_bits) {
  int64_t a = ordered(low), b = ordered(high);
  float p = in_bits ? unordered(static_cast<int32_t>(a + (b - a) / 2)) : low * 0.5f + high * 0.5f;
  return p >= low && p < high ? p : low;
}

/* Number, or Σ, of the keys above the pivot. The keys end with 16 times −∞. */
template <bool weighted>
int64_t mass_above(const float* keys, int32_t count, float pivot) {
  const F32x16 p = set1(pivot);
  Sum64 sum = sum64();
  int64_t number = 0;
  for (int32_t i = 0; i < count; i += 16) {
    F32x16 k = load(keys + i);
    if (weighted) {
      add_to(sum, to_int(pick_gt(k, p, k, set1(0))));
    } else {
      number += __builtin_popcount(gt_bits(k, p));
    }
  }
  return weighted ? total(sum) : number;
}

/* The cut that keeps the shortest list of largest keys whose number, or Σ, reaches target; all of them do. Keys lie in
   [low, high] and have room for 16 more; they are overwritten. Each round takes at least one value out of the range.
   The middle by value suits logits and the middle by bits weights, which span powers of two; taken in turn, both halve
   the range however the keys are spread, so there are some sixty rounds at the very most. */
template <bool weighted>
Cut cut_at(float* keys, int32_t count, int64_t target, float low, float high) {
  int64_t above = 0;
  for (bool in_bits = weighted; low < high; in_bits = !in_bits) {
    float pivot = between(low, high, in_bits);
    store(keys + count, set1(-__builtin_inff()));
    int64_t mass = mass_above<weighted>(keys, count, pivot);
    bool upper = above + mass >= target;
    const F32x16 p = set1(pivot);
    F32x16 edge = set1(upper ? high : low);
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i += 16) {
      F32x16 k = load(keys + i);
      uint32_t bits = gt_bits(k, p);
      if (upper) {
        edge = neg(max(neg(edge), neg(pick_gt(k, p, k, edge))));
      } else {
        bits = ~bits & (count - i < 16 ? (1u << (count - i)) - 1 : kAll);
        edge = max(edge, pick_gt(k, p, edge, k));
      }
      keep(keys + kept, k, bits);
      kept += __builtin_popcount(bits);
    }
    count = kept;
    if (upper) {
      low = -lane_max(neg(edge));
    } else {
      high = lane_max(edge);
      above += mass;
    }
  }
  int64_t missing = target - above;
  int64_t unit = weighted ? static_cast<int64_t>(high) : 1;
  return {high, (missing + unit - 1) / unit};
}

/* The cut of the k largest logits. */
Cut cut_top_k(const float* x, int32_t count, int32_t k, float most, float* keys) {
  F32x16 low = set1(-most);
  each_vector(x, count, most, [&](F32x16 v, int32_t i, uint32_t) WK_ALWAYS {
    store(keys + i, v);
    low = max(low, neg(v));
  });
  return cut_at<false>(keys, count, k, -lane_max(low), most);
}

/* Of lanes above or at a cut, those that it keeps. */
WK_INLINE uint32_t kept_bits(F32x16 v, uint32_t in_use, Cut& cut) {
  uint32_t above = gt_bits(v, set1(cut.key));
  uint32_t equal = ~(above | gt_bits(set1(cut.key), v)) & in_use;
  int32_t number = __builtin_popcount(equal);
  if (number <= cut.ties) {
    cut.ties -= number;
    return above | equal;
  }
  for (; equal != 0 && cut.ties > 0; cut.ties--) {
    above |= equal & -equal;
    equal &= equal - 1;
  }
  return above;
}

/* Weights of all that a cut of the logits keeps. */
template <bool some>
void weigh(const float* x, int32_t count, float most, float temperature, Cut cut, Survivors& out) {
  // (l − max) / T <= −22 gives less than half a weight; −23 leaves room for the rounding of both.
  const F32x16 least = set1(-23 * temperature);
  int32_t n = 0;
  each_vector(x, count, -__builtin_inff(), [&](F32x16 v, int32_t i, uint32_t in_use) WK_ALWAYS {
    F32x16 below = sub(v, set1(most));
    // Ties that follow are counted only where they may weigh something, and then all of them do.
    if (gt_bits(below, least) == 0) return;
    uint32_t kept = some ? kept_bits(v, in_use, cut) : in_use;
    F32x16 w = mul(exp(div(below, set1(temperature))), set1(kOne));
    // A half is rounded to 0, and NaN counts as 0.
    kept &= gt_bits(w, set1(0.5f));
    keep(out.weight + n, to_float(nearest(w)), kept);
    keep(out.id + n, ids_from(i), kept);
    n += __builtin_popcount(kept);
  });
  store(out.weight + n, set1(0));
  out.count = n;
}

/* Σ of the weights from … to that the cut keeps; the end is a vector's or the list's own. Takes used ties off. */
int64_t mass_kept(const Survivors& s, int32_t from, int32_t to, Cut& cut) {
  const F32x16 key = set1(cut.key);
  Sum64 sum = sum64();
  int64_t equal = 0;
  for (int32_t i = from; i < to; i += 16) {
    F32x16 w = load(s.weight + i);
    uint32_t above = gt_bits(w, key);
    add_to(sum, to_int(pick_gt(w, key, w, set1(0))));
    equal += __builtin_popcount(~(above | gt_bits(key, w)) & kAll);
  }
  int64_t taken = equal < cut.ties ? equal : cut.ties;
  cut.ties -= taken;
  return total(sum) + taken * static_cast<int64_t>(cut.key);
}

int64_t mass(const Survivors& s, Cut cut) { return mass_kept(s, 0, s.count, cut); }

/* The cut of the shortest list by (weight descending, id ascending) that reaches target; target < sum of all. Of n
   tokens those below (sum − target) / n weigh less than sum − target together, so the others alone decide. */
Cut cut_top_p(const Survivors& s, int64_t sum, int64_t target, float* keys) {
  int64_t floor = (sum - target) / s.count;
  // A little lower, so that no rounding to float32 puts it above; it costs nothing.
  float least = static_cast<float>(floor - (floor >> 22));
  least = least > 1 ? least : 1;
  int32_t n = 0;
  for (int32_t i = 0; i < s.count; i += 16) {
    F32x16 w = load(s.weight + i);
    uint32_t bits = ~gt_bits(set1(least), w) & kAll;
    keep(keys + n, w, bits);
    n += __builtin_popcount(bits);
  }
  return cut_at<true>(keys, n, target, least, kOne);
}

/* Walks ids in ascending order until more than r has been passed; −2 where there is not so much. */
int32_t walk(const Survivors& s, Cut cut, int64_t r) {
  for (int32_t from = 0; from < s.count; from += kStride) {
    int32_t to = from + kStride < s.count ? from + kStride : s.count;
    Cut before = cut;
    int64_t here = mass_kept(s, from, to, cut);
    if (r >= here) {
      r -= here;
      continue;
    }
    for (int32_t i = from; i < to; i++) {
      float w = s.weight[i];
      if (w > before.key || (w == before.key && before.ties-- > 0)) r -= static_cast<int64_t>(w);
      if (r < 0) return s.id[i];
    }
  }
  return -2;
}

int32_t draw(const wk_sample& s, int32_t row, const float* x, float most, Survivors& all, float* keys) {
  float temperature = s.temperature[row];
  int32_t top_k = s.top_k[row];
  if (top_k > 0 && top_k < s.vocab) {
    weigh<true>(x, s.vocab, most, temperature, cut_top_k(x, s.vocab, top_k, most, keys), all);
  } else {
    weigh<false>(x, s.vocab, most, temperature, {0, 0}, all);
  }
  Cut cut = {0, 0};
  int64_t sum = mass(all, cut), left = sum;
  if (s.top_p[row] < 1) {
    int64_t target = static_cast<int64_t>(__builtin_ceil(s.top_p[row] * static_cast<double>(sum)));
    target = target < 1 ? 1 : target;
    if (target < sum) {
      cut = cut_top_p(all, sum, target, keys);
      left = mass(all, cut);
    }
  }
  if (s.min_p[row] > 0) {
    // Exact in float32: below 2^24 as every integer, above as the product, which is one.
    float least = static_cast<float>(__builtin_ceil(s.min_p[row] * static_cast<double>(kOne)));
    if (least > cut.key) {
      cut = {least, s.vocab};
      left = mass(all, cut);
    }
  }
  uint64_t random = philox_next64(
      static_cast<uint64_t>(s.seed[row]), static_cast<uint32_t>(s.position[row]), static_cast<uint32_t>(s.sample[row]),
      static_cast<uint32_t>(s.stream[row]), static_cast<uint32_t>(static_cast<uint64_t>(s.stream[row]) >> 32));
  __extension__ typedef unsigned __int128 Wide;
  int64_t r = static_cast<int64_t>(static_cast<Wide>(random) * static_cast<uint64_t>(left) >> 64);
  return walk(all, cut, r);
}

/* Penalties on a copy of the logits; false where a result is not finite. */
bool penalise(const wk_sample& s, int32_t row, float* x) {
  const float repetition = s.penalty[row], frequency = s.frequency[row], presence = s.presence[row];
  const bool counts = frequency != 0 || presence != 0;
  const int32_t* seen = s.seen + s.seen_start[row];
  const int32_t* times = s.times + s.seen_start[row];
  bool good = true;
  for (int32_t i = 0; i < s.seen_count[row]; i++) {
    float l = x[seen[i]];
    if (repetition != 1) l = l > 0 ? l / repetition : l * repetition;
    if (counts && times[i] > 0) {
      float often = frequency * static_cast<float>(times[i]);
      l = l - often;
      l = l - presence;
    }
    good &= __builtin_fabsf(l) <= kMost;
    x[seen[i]] = l;
  }
  return good;
}

/* Biases likewise; −∞ is a good result. */
bool add_biases(const wk_sample& s, int32_t row, float* x) {
  const int32_t* ids = s.biased + s.bias_start[row];
  const float* bias = s.bias + s.bias_start[row];
  bool good = true;
  for (int32_t i = 0; i < s.bias_count[row]; i++) {
    x[ids[i]] += bias[i];
    good &= x[ids[i]] <= kMost;
  }
  return good;
}

/* The largest of the changed logits. Where no token that was the largest has changed, only those that have are looked at. */
float largest_now(const wk_sample& s, int32_t row, const float* raw, const float* x, float raw_most) {
  const int32_t* lists[] = {s.seen + s.seen_start[row], s.biased + s.bias_start[row]};
  const int32_t counts[] = {s.seen_count[row], s.bias_count[row]};
  float most = raw_most;
  for (int list = 0; list < 2; list++) {
    for (int32_t i = 0; i < counts[list]; i++) {
      int32_t id = lists[list][i];
      if (raw[id] == raw_most) {
        largest(x, s.vocab, &most);  // that −∞ is not finite is no matter here
        return most;
      }
      most = x[id] > most ? x[id] : most;
    }
  }
  return most;
}

/* The logits whose bits are set, and −∞ in place of the others; returns the largest. `to` may be `from`. */
float allow(const float* from, const uint32_t* mask, int32_t count, float* to) {
  const F32x16 never = set1(-__builtin_inff());
  F32x16 high = never;
  int32_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint32_t bits = mask[i / 32] >> (i % 32) & kAll;
    // Most masks are empty but for some words.
    F32x16 v = bits == 0 ? never : pick_bits(bits, load(from + i), never);
    store(to + i, v);
    high = max(high, v);
  }
  float most = lane_max(high);
  for (; i < count; i++) {
    to[i] = (mask[i / 32] >> (i % 32) & 1) != 0 ? from[i] : -__builtin_inff();
    most = to[i] > most ? to[i] : most;
  }
  return most;
}

void sample_row(const wk_sample& s, int32_t row, char* scratch) {
  int64_t each = padded(s.vocab);
  float* weight = reinterpret_cast<float*>(scratch);
  Survivors all = {weight, reinterpret_cast<int32_t*>(weight + each), 0};
  float* keys = weight + 2 * each;
  float* changed = weight + 3 * each;
  const float* raw = s.logits + static_cast<int64_t>(row) * s.vocab;
  const float* x = raw;
  s.token[row] = -1;
  float raw_most, most;
  if (!largest(raw, s.vocab, &raw_most)) return;
  most = raw_most;
  if (s.seen_count[row] > 0 || s.bias_count[row] > 0) {
    memcpy(changed, raw, s.vocab * sizeof(float));
    if (!penalise(s, row, changed) || !add_biases(s, row, changed)) return;
    x = changed;
    most = largest_now(s, row, raw, x, raw_most);
  }
  if (s.mask_start[row] >= 0) {
    most = allow(x, s.masks + s.mask_start[row], s.vocab, changed);
    x = changed;
  }
  if (most < -kMost) return;
  int32_t token = s.temperature[row] == 0 ? first_of(x, s.vocab, most) : draw(s, row, x, most, all, keys);
  s.token[row] = token;
  if (s.want_logprob[row] != 0 && token >= 0) {
    s.raw_max[row] = raw_most;
    s.raw_token[row] = raw[token];
    s.raw_sum[row] = exp_sum(raw, s.vocab, raw_most);
  }
}

}  // namespace

extern const Sampling sampling;
const Sampling sampling = {scratch, sample_row};

}  // namespace WK_ISA
}  // namespace wk
