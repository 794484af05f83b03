// SPDX-License-Identifier: Apache-2.0
// Attention and the storing of keys and values, --shape=ROWSxHEADSxKVHEADSxHEADDIMxCONTEXT, --cache= and --pages=
//   own     every row is a sequence with pages of its own: roof is the reading of its keys and values
//   shared  all rows have the same pages but for the last, as samples of one prompt: roof is the multipliers
//   prompt  the rows are the last positions of one sequence, as in prefill: roof is the multipliers
//   store   as own, but the rows' keys and values are stored: roof is the reading of the lines that they touch
#include <stdio.h>

#include <memory>

#include "bench.h"
#include "plain.h"
#include "roofline.h"

namespace kernbench {

namespace {

constexpr int64_t kPage = 64;

struct Case {
  int64_t rows, heads, kv_heads, dim, context;
  std::string pages;
  int32_t format;  // WK_KV_...
  int64_t layers = 1;

  /* Bytes of keys, values and scales of a page for a layer and kv head. */
  int64_t block_bytes() const {
    int64_t in_word = format == WK_KV_F32 ? 1 : format == WK_KV_BF16 ? 2 : 4;
    return 2 * kPage * ((dim + in_word - 1) / in_word * 4 + (format == WK_KV_INT8 ? 4 : 0));
  }
};

const char* cache_name(int32_t format) {
  for (const Isa& cache : caches()) {
    if (cache.id == format) return cache.name;
  }
  return "?";
}

/* Rows and their pages. */
struct Layout {
  std::vector<int32_t> positions, tables, pages;
  int32_t page_count = 0;
  wk_rows of = {};

  Layout(const Case& c, Random& random, bool vary) {
    int64_t each = (c.context + kPage - 1) / kPage;
    std::vector<int32_t> ids;
    auto page = [&](int64_t) { return page_count++; };
    for (int64_t r = 0; r < c.rows; r++) {
      if (c.pages == "prompt") {
        tables.push_back(0);
        positions.push_back(static_cast<int32_t>(std::max<int64_t>(0, c.context - c.rows + r)));
        for (int64_t i = 0; r == 0 && i < each; i++) pages.push_back(page(i));
        continue;
      }
      tables.push_back(static_cast<int32_t>(pages.size()));
      positions.push_back(static_cast<int32_t>(vary ? random.below(c.context) : c.context - 1));
      for (int64_t i = 0; i < each; i++) {
        pages.push_back(c.pages == "shared" && r > 0 && i + 1 < each ? pages[i] : page(i));
      }
    }
    // Ids in no order, as in a cache that has been used for a while.
    std::vector<int32_t> order(page_count);
    for (int32_t i = 0; i < page_count; i++) order[i] = i;
    for (int32_t i = page_count - 1; i > 0; i--) std::swap(order[i], order[random.below(i + 1)]);
    for (int32_t& id : pages) id = order[id];
    of.positions = positions.data();
    of.page_table = tables.data();
    of.pages = pages.data();
    of.count = static_cast<int32_t>(c.rows);
  }
};

wk_op operation(const Case& c, int32_t kind, void* cache, const float* x, float* out, int32_t window) {
  wk_op op = {};
  op.kind = kind;
  op.row_set = WK_ALL_ROWS;
  op.x = x;
  op.out = out;
  op.cache = cache;
  op.cache_format = c.format;
  op.heads = static_cast<int32_t>(c.heads);
  op.kv_heads = static_cast<int32_t>(c.kv_heads);
  op.head_dim = static_cast<int32_t>(c.dim);
  op.layers = static_cast<int32_t>(c.layers);
  op.window = window;
  op.scale = 0.125f;
  return op;
}

/* Keys and values of a page's tokens, row-major as a step computes them, stored by the operation itself. */
class Cache {
 public:
  Cache(const Case& c, int32_t page_count, bool keep)
      : case_(c), width_((c.heads + 2 * c.kv_heads) * c.dim), 
        memory_(page_count * c.layers * c.kv_heads * c.block_bytes()) {
    if (keep) {
      rows_ = Buffer<float>(page_count * kPage * width_);
      scales_ = Buffer<float>(page_count * kPage * 2 * c.kv_heads);
    }
  }

  void store(Context& context, Random& random, int32_t page_count, bool hostile) {
    Buffer<float> x(kPage * width_);
    std::vector<int32_t> positions(kPage), tables(kPage, 0);
    for (int32_t i = 0; i < kPage; i++) positions[i] = i;
    for (int32_t page = 0; page < page_count; page++) {
      if (page == 0 || rows_.size() > 0) fill(random, x, hostile);
      wk_rows rows = {};
      rows.positions = positions.data();
      rows.page_table = tables.data();
      rows.pages = &page;
      rows.count = kPage;
      wk_op op = operation(case_, WK_STORE_KV, memory_.data(), x.data(), nullptr, 0);
      context.run(&op, 1, rows);
      if (rows_.size() == 0) continue;
      for (int64_t slot = 0; slot < kPage; slot++) {
        for (int64_t side = 0; side < 2 * case_.kv_heads; side++) {
          int64_t at = (page * kPage + slot) * width_ + (case_.heads + side) * case_.dim;
          scales_[(page * kPage + slot) * 2 * case_.kv_heads + side] = plain::held(
              case_.format, x.data() + slot * width_ + (case_.heads + side) * case_.dim, case_.dim, rows_.data() + at);
        }
      }
    }
  }

  /* Puts a token's key or value at a position: `side` is the kv head, for values behind those of the keys. */
  void look_up(int32_t page, int64_t slot, int64_t side, int32_t position, plain::Held& held) const {
    held.elements[position] = rows_.data() + (page * kPage + slot) * width_ + (case_.heads + side) * case_.dim;
    held.scales[position] = scales_[(page * kPage + slot) * 2 * case_.kv_heads + side];
  }
  /* What no step has computed, but can be worked on. */
  void make_up(Random& random) {
    if (case_.format == WK_KV_F32) {
      for (int64_t i = 0; i < memory_.bytes() / 4; i++) {
        float value = random.value();
        memcpy(memory_.data() + 4 * i, &value, 4);
      }
      return;
    }
    // Codes of any kind; bfloat16 around 1, scales around 2^-7.
    for (int64_t i = 0; i < memory_.bytes() / 4; i++) {
      uint32_t bits = static_cast<uint32_t>(random.next() >> 32);
      bool scale = case_.format == WK_KV_INT8 && i * 4 % (case_.block_bytes() / 2) < 4 * kPage;
      if (case_.format == WK_KV_BF16) bits = (bits & 0x807F807F) | 0x3F003F00;
      if (scale) bits = (bits & 0x007FFFFF) | 0x3C000000;
      memcpy(memory_.data() + 4 * i, &bits, 4);
    }
  }
  void* memory() { return memory_.data(); }
  int64_t bytes() const { return memory_.bytes(); }

 private:
  Case case_;
  int64_t width_;
  Buffer<char> memory_;
  Buffer<float> rows_, scales_;
};

Case case_of(const std::vector<int64_t>& s, const std::string& pages, int32_t format) {
  return {s[0], s[1], s[2], s[3], std::max(s[4], pages == "prompt" ? s[0] : 1), pages, format, 1};
}

Buffer<float> plain_result(const Case& c, const Layout& layout, const Cache& cache, const Buffer<float>& x,
                           int32_t window) {
  Buffer<float> out(c.rows * c.heads * c.dim);
  int64_t width = (c.heads + 2 * c.kv_heads) * c.dim;
  plain::Held keys = {std::vector<const float*>(c.context), std::vector<float>(c.context)}, values = keys;
  for (int64_t r = 0; r < c.rows; r++) {
    int32_t last = layout.positions[r], first = window == 0 || last < window ? 0 : last - window + 1;
    for (int64_t h = 0; h < c.heads; h++) {
      for (int32_t t = first; t <= last; t++) {
        int32_t page = layout.pages[layout.tables[r] + t / kPage];
        int64_t side = h / (c.heads / c.kv_heads);
        cache.look_up(page, t % kPage, side, t, keys);
        cache.look_up(page, t % kPage, c.kv_heads + side, t, values);
      }
      plain::attention(c.format, x.data() + r * width + h * c.dim, keys, values, static_cast<int32_t>(c.dim), first, last, 0.125f,
                       out.data() + (r * c.heads + h) * c.dim);
    }
  }
  return out;
}

}  // namespace

int check_attention(const Options& options, int32_t format, const std::vector<int64_t>& shape,
                    const std::string& pages) {
  Case c = case_of(shape, pages, format);
  Random random(options.seed);
  Layout layout(c, random, true);
  Buffer<float> x(c.rows * (c.heads + 2 * c.kv_heads) * c.dim), expected;
  fill(random, x, options.hostile);
  uint64_t stored = random.next();
  int failures = 0;
  for (int32_t isa : options.isas) {
    for (int32_t threads : options.threads) {
      Context context(isa, threads);
      Cache cache(c, layout.page_count, true);
      Random same(stored);
      cache.store(context, same, layout.page_count, options.hostile);
      if (expected.size() == 0) expected = plain_result(c, layout, cache, x, options.window);
      Buffer<float> out(expected.size());
      wk_op op = operation(c, WK_ATTENTION, cache.memory(), x.data(), out.data(), options.window);
      context.run(&op, 1, layout.of);
      int64_t at = first_difference(expected.data(), out.data(), out.size());
      if (at < 0) continue;
      int64_t width = c.heads * c.dim;
      failures += fail("attention --shape=" + text_of(shape) + " --pages=" + pages + " --cache="
                           + cache_name(format) + " --window="
                           + std::to_string(options.window) + " --isa=" + isa_name(isa) + " --threads="
                           + std::to_string(threads) + (options.hostile ? " --hostile" : ""),
                       options.seed,
                       "first difference at [" + std::to_string(at / width) + "," + std::to_string(at % width) + "]");
    }
  }
  return failures;
}

namespace {

void measure(const Options& options, const std::string& name, Case c) {
  Random random(options.seed);
  Layout layout(c, random, false);
  // Layers are walked through one after the other, so keys and values come from memory, as in a model.
  int64_t layer_bytes = layout.page_count * c.kv_heads * c.block_bytes();
  c.layers = std::max<int64_t>(1, std::min(c.layers, 4 * options.footprint / layer_bytes));
  Cache cache(c, layout.page_count, false);
  cache.make_up(random);
  Buffer<float> x(c.rows * (c.heads + 2 * c.kv_heads) * c.dim), out(c.rows * c.heads * c.dim);
  fill(random, x, false);
  bool memory = c.pages == "own";
  double visible = 0;
  for (int32_t position : layout.positions) visible += position + 1;
  double flops = visible * 4 * static_cast<double>(c.heads * c.dim);
  double bytes = visible / kPage * static_cast<double>(c.kv_heads * c.block_bytes());
  for (int32_t isa : options.isas) {
    for (int32_t threads : options.threads) {
      Context context(isa, threads);
      Roofline roofline(isa, threads);
      wk_op op = operation(c, WK_ATTENTION, cache.memory(), x.data(), out.data(), 0);
      Speed speed = in_turn(
          threads, [&] { return memory ? roofline.read({cache.memory()}, cache.bytes()) : roofline.fma(); },
          [&] {
            context.run(&op, 1, layout.of);
            op.layer = (op.layer + 1) % op.layers;
            return memory ? bytes : flops;
          });
      printf("| %s, %lld rows, %s pages | %lld | %s | %s | %d | %.2f |", name.c_str(), static_cast<long long>(c.rows),
             c.pages.c_str(), static_cast<long long>(c.context), cache_name(c.format), isa_name(isa), threads,
             visible * c.heads * 1e-9 * speed.rate / (memory ? bytes : flops));
      print_speed(speed, memory ? "GB/s" : "GFLOP/s");
    }
  }
}

/* Storing what a step of decoding has computed: a row for each sequence, each in a page of its own. */
void measure_store(const Options& options, const std::string& name, Case c) {
  Random random(options.seed);
  Layout layout(c, random, false);
  int64_t layer_bytes = layout.page_count * c.kv_heads * c.block_bytes();
  c.layers = std::max<int64_t>(1, std::min(c.layers, 4 * options.footprint / layer_bytes));
  Cache cache(c, layout.page_count, false);
  Buffer<float> x(c.rows * (c.heads + 2 * c.kv_heads) * c.dim);
  fill(random, x, false);
  // A key's words lie in a line each, a value's one behind the other.
  int64_t side = (c.block_bytes() / kPage - (c.format == WK_KV_INT8 ? 8 : 0)) / 2;
  double bytes = static_cast<double>(c.rows * c.kv_heads * (side / 4 * 64 + (side + 63) / 64 * 64));
  for (int32_t isa : options.isas) {
    for (int32_t threads : options.threads) {
      Context context(isa, threads);
      Roofline roofline(isa, threads);
      wk_op op = operation(c, WK_STORE_KV, cache.memory(), x.data(), nullptr, 0);
      Speed speed = in_turn(
          threads, [&] { return roofline.read({cache.memory()}, cache.bytes()); },
          [&] {
            context.run(&op, 1, layout.of);
            op.layer = (op.layer + 1) % op.layers;
            return bytes;
          });
      printf("| %s, %lld rows, %.0f ns each | %lld | %s | %s | %d | - |", name.c_str(), static_cast<long long>(c.rows),
             1e9 * bytes / static_cast<double>(c.rows) / speed.rate, static_cast<long long>(c.context),
             cache_name(c.format), isa_name(isa), threads);
      print_speed(speed, "GB/s");
    }
  }
}

}  // namespace

int bench_attention(const Options& options) {
  int failures = 0;
  std::vector<std::string> kinds = {"own", "shared", "prompt"};
  if (!options.pages.empty()) kinds = {options.pages};
  std::vector<Model> all = options.shape.empty() ? models(options, "attention") : std::vector<Model>();
  if (options.correct || options.bitwise) {
    for (const std::string& pages : kinds) {
      for (int32_t format : options.caches) {
        if (pages == "store") continue;
        if (!options.shape.empty()) failures += check_attention(options, format, options.shape, pages);
        for (const Model& model : all) {
          std::vector<int64_t> heads = model.numbers_of("heads");
          for (int64_t context : {1, 200, 700}) {
            failures += check_attention(options, format, {9, heads[0], heads[1], heads[2], context}, pages);
          }
        }
      }
    }
    printf("attention: %s\n",
           failures == 0 ? "the same bits as the plain loop, on every instruction set and team" : "FAILED");
  }
  if (!options.speed) return failures;
  auto each_format = [&](const std::string& name, int64_t layers, const std::vector<int64_t>& shape,
                         const std::string& pages) {
    for (int32_t format : options.caches) {
      Case c = case_of(shape, pages, format);
      c.layers = layers;
      if (pages == "store") {
        measure_store(options, name, c);
      } else {
        measure(options, name, c);
      }
    }
  };
  printf("| attention | context | cache | set | threads | G scores/s | rate | roof | share | CPU |\n"
         "|---|---|---|---|---|---|---|---|---|---|\n");
  if (options.pages.empty()) kinds.push_back("store");
  for (const std::string& pages : kinds) {
    if (!options.shape.empty()) each_format("", 30, options.shape, pages);
    for (const Model& model : all) {
      std::vector<int64_t> heads = model.numbers_of("heads");
      int64_t rows = pages == "store" ? 256 : pages == "prompt" ? 64 : model.numbers_of("rows")[0];
      for (int64_t context : model.numbers_of("contexts")) {
        // Where in a page a row is stored, and so how long it takes, does not depend on how many pages come before.
        if (pages == "store" && context > 1000) continue;
        each_format(model.name, model.numbers_of("layers")[0], {rows, heads[0], heads[1], heads[2], context}, pages);
      }
    }
  }
  return failures;
}

}  // namespace kernbench
