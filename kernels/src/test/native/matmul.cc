// SPDX-License-Identifier: Apache-2.0
// The product, --shape=ROWSxINPUTSxOUTPUTS. Roof: reading the packed weights for up to 4 rows, the multipliers
// for more.
#include <stdio.h>

#include "bench.h"
#include "plain.h"
#include "roofline.h"

namespace kernbench {

namespace {

// Products in the plain loop that a check may cost; beyond, some outputs stand for all.
constexpr int64_t kMostPlain = 100'000'000;

wk_op operation(const wk_weight& weight, const float* x, float* out, int64_t rows) {
  wk_op op = {};
  op.kind = WK_MATMUL;
  op.row_set = WK_FIXED_ROWS;
  op.rows = static_cast<int32_t>(rows);
  op.weight = &weight;
  op.x = x;
  op.out = out;
  return op;
}

/* A weight of random numbers and its source. */
struct Weight {
  Weight(Random& random, const Format& format, int64_t cols, int64_t rows, bool hostile)
      : packed(wk_packed_bytes(format.id, rows, cols)) {
    of = {};
    of.data = packed.data();
    of.rows = static_cast<int32_t>(rows);
    of.cols = static_cast<int32_t>(cols);
    of.format = format.id;
    if (is_integer(format)) {
      pack_codes(random, format, hostile);
      return;
    }
    source = Buffer<float>(rows * cols);
    fill(random, source, hostile);
    if (wk_pack(&of, packed.data(), 0, of.rows, source.data()) != WK_OK) abort();
  }

  void pack_codes(Random& random, const Format& format, bool hostile) {
    int64_t groups = (of.cols + format.group - 1) / format.group;
    of.group = format.group;
    of.zero = format.zero;
    of.half = 1;
    codes = Buffer<uint8_t>(int64_t{of.rows} * of.cols);
    for (int64_t i = 0; i < int64_t{of.rows} * of.cols; i++) {
      int64_t code = random.below(8) == 0 ? 255 * random.below(2) : random.below(256);
      codes[i] = static_cast<uint8_t>(format.id == WK_INT4 ? code & 15 : code);
    }
    for (Buffer<uint16_t>* some : {&scales, &mins}) {
      *some = Buffer<uint16_t>(of.rows * groups);
      for (int64_t i = 0; i < of.rows * groups; i++) {
        // Around 1/64 of either sign; hostile ones are any, infinities and NaN among them.
        int64_t bits = hostile && random.below(16) == 0 ? random.below(1 << 16) : 0x2000 + random.below(1 << 11);
        (*some)[i] = static_cast<uint16_t>(bits | random.below(2) << 15);
      }
    }
    int64_t each = (of.rows + 15) / 16 * 16 * groups;
    packed_scales = Buffer<uint16_t>(each);
    packed_mins = Buffer<uint16_t>(each);
    of.scales = packed_scales.data();
    of.mins = format.mins ? packed_mins.data() : nullptr;
    if (wk_pack_codes(&of, packed.data(), packed_scales.data(), format.mins ? packed_mins.data() : nullptr, 0, of.rows,
                      codes.data(), scales.data(), mins.data()) != WK_OK) {
      abort();
    }
  }

  Buffer<float> source;
  Buffer<uint8_t> codes;
  Buffer<uint16_t> scales, mins, packed_scales, packed_mins;
  Buffer<char> packed;
  wk_weight of;
};

float held(const Format& format, float value) { return format.id == WK_F32 ? value : plain::as_bf16(value); }

/* What the plain loop gives, against `out`: the first element that differs, or -1. */
int64_t plain_difference(const Format& format, const Weight& weight, const Buffer<float>& x, const float* bias,
                         const float* residual, const float* out, int64_t rows) {
  int64_t cols = weight.of.cols, outputs = weight.of.rows;
  int64_t step = std::max<int64_t>(1, rows * cols * outputs / kMostPlain);
  std::vector<float> w(cols);
  const bool native = format.id == WK_BF16_TILES;
  std::vector<float> rounded(native ? x.data() : nullptr, native ? x.data() + rows * cols : nullptr);
  for (float& value : rounded) value = plain::as_bf16(value);
  int64_t first = -1;
  for (int64_t n = 0; n < outputs; n = n + step < outputs || n == outputs - 1 ? n + step : outputs - 1) {
    for (int64_t k = 0; k < cols && !is_integer(format); k++) w[k] = held(format, weight.source[n * cols + k]);
    int64_t groups = is_integer(format) ? (cols + format.group - 1) / format.group : 0;
    for (int64_t r = 0; r < rows; r++) {
      int64_t at = r * outputs + n;
      const float* b = bias ? bias + n : nullptr;
      const float* add = residual ? residual + at : nullptr;
      float expected =
          is_integer(format)
              ? plain::grouped_product(x.data() + r * cols, weight.codes.data() + n * cols,
                                       weight.scales.data() + n * groups,
                                       format.mins ? weight.mins.data() + n * groups : nullptr, cols, format.group,
                                       format.zero, b, add)
          : native
              ? plain::native_product(rounded.data() + r * cols, w.data(), cols, b, add)
              : plain::product(x.data() + r * cols, w.data(), cols, b, add);
      if (first_difference(&expected, out + at, 1) >= 0 && (first < 0 || at < first)) first = at;
    }
  }
  return first;
}

std::string place(int64_t at, int64_t outputs) {
  return "first difference at [" + std::to_string(at / outputs) + "," + std::to_string(at % outputs) + "]";
}

}  // namespace

int check_matmul(const Options& options, const Format& format, const std::vector<int64_t>& shape) {
  int64_t rows = shape[0], cols = shape[1], outputs = shape[2];
  Random random(options.seed);
  bool with_bias = random.below(2) == 0, with_residual = random.below(2) == 0;
  Weight weight(random, format, cols, outputs, options.hostile);
  Buffer<float> x(rows * cols), bias(outputs), residual(rows * outputs), first(rows * outputs);
  fill(random, x, options.hostile);
  fill(random, bias, options.hostile);
  fill(random, residual, options.hostile);
  int failures = 0;
  bool any = false;
  for (int32_t isa : options.isas) {
    if (!computes(isa, format)) continue;
    for (int32_t threads : options.threads) {
      std::string arguments = std::string("matmul --format=") + format.name + " --shape=" + text_of(shape) + " --isa="
          + isa_name(isa) + " --threads=" + std::to_string(threads) + (options.hostile ? " --hostile" : "");
      Context context(isa, threads);
      Buffer<float> out(rows * outputs);
      wk_op op = operation(weight.of, x.data(), out.data(), rows);
      op.a = with_bias ? bias.data() : nullptr;
      op.b = with_residual ? residual.data() : nullptr;
      context.run(&op, 1, wk_rows{});
      if (options.correct && !any) {
        int64_t at = plain_difference(format, weight, x, op.a, op.b, out.data(), rows);
        if (at >= 0) failures += fail(arguments, options.seed, place(at, outputs) + " from the plain loop");
      }
      if (!any) {
        memcpy(first.data(), out.data(), out.bytes());
        any = true;
      }
      int64_t at = first_difference(first.data(), out.data(), rows * outputs);
      if (at >= 0) failures += fail(arguments, options.seed, place(at, outputs) + " from the first way");
      // A row by itself, and some neighbours fewer, has the bits it has among many.
      int64_t row = random.below(rows), count = 1 + random.below(rows - row);
      memset(out.data(), 0, out.bytes());
      op = operation(weight.of, x.data() + row * cols, out.data() + row * outputs, count);
      op.a = with_bias ? bias.data() : nullptr;
      op.b = with_residual ? residual.data() + row * outputs : nullptr;
      context.run(&op, 1, wk_rows{});
      at = first_difference(first.data() + row * outputs, out.data() + row * outputs, count * outputs);
      if (at >= 0) {
        failures += fail(arguments, options.seed, place(at + row * outputs, outputs) + " by rows "
                         + std::to_string(row) + " to " + std::to_string(row + count - 1) + " alone");
      }
    }
  }
  return failures;
}

namespace {

void measure(const Options& options, const std::string& name, const Format& format, int64_t cols, int64_t outputs,
             const std::vector<int64_t>& row_counts) {
  Random random(options.seed);
  // Layers of a model are walked through one after the other, so weights come from memory, not from a cache.
  int64_t each = wk_packed_bytes(format.id, outputs, cols);
  int64_t copies = std::max<int64_t>(1, options.footprint / each);
  std::vector<Buffer<char>> packed;
  std::vector<wk_weight> weights;
  std::vector<const void*> addresses;
  {
    Weight weight(random, format, cols, outputs, false);
    // Codes, then scales, then minimums: a weight in one piece, as the engine has it.
    int64_t scale_bytes = is_integer(format) ? weight.packed_scales.bytes() : 0;
    int64_t codes = each;
    each += scale_bytes * (format.mins ? 2 : 1);
    for (int64_t i = 0; i < copies; i++) {
      packed.emplace_back(each);
      char* to = packed.back().data();
      memcpy(to, weight.packed.data(), codes);
      if (scale_bytes > 0) memcpy(to + codes, weight.packed_scales.data(), scale_bytes);
      if (format.mins) memcpy(to + codes + scale_bytes, weight.packed_mins.data(), scale_bytes);
      weights.push_back(weight.of);
      weights.back().data = to;
      weights.back().scales = to + codes;
      weights.back().mins = format.mins ? to + codes + scale_bytes : nullptr;
      addresses.push_back(to);
    }
  }
  for (int64_t rows : row_counts) {
    Buffer<float> x(rows * cols), out(rows * outputs);
    fill(random, x, false);
    std::vector<wk_op> ops;
    for (const wk_weight& weight : weights) ops.push_back(operation(weight, x.data(), out.data(), rows));
    double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(cols) * static_cast<double>(outputs);
    bool memory = rows <= 4;
    double units = memory ? static_cast<double>(each) : flops;
    for (int32_t isa : options.isas) {
      if (!computes(isa, format)) continue;
      for (int32_t threads : options.threads) {
        Context context(isa, threads);
        Roofline roofline(isa, threads);
        size_t next = 0;
        Speed speed = in_turn(
            threads,
            [&] {
              return memory ? roofline.read(addresses, each)
                  : is_integer(format) ? roofline.dot()
                  : format.id == WK_BF16_TILES ? roofline.tiles() : roofline.fma();
            },
            [&] {
              int64_t many = memory ? static_cast<int64_t>(ops.size()) : 1;
              context.run(&ops[memory ? 0 : next], many, wk_rows{});
              next = (next + 1) % ops.size();
              return units * static_cast<double>(many);
            });
        printf("| %s %lld x %lld | %s | %lld | %s | %d |", name.c_str(), static_cast<long long>(cols),
               static_cast<long long>(outputs), format.name, static_cast<long long>(rows), isa_name(isa), threads);
        print_speed(speed, memory ? "GB/s" : is_integer(format) ? "GOP/s" : "GFLOP/s");
      }
    }
  }
}

std::vector<Format> wanted_formats(const Options& options) {
  std::vector<Format> wanted;
  for (const Format& format : formats()) {
    if (options.formats.empty()
        || std::find(options.formats.begin(), options.formats.end(), format.name) != options.formats.end()) {
      wanted.push_back(format);
    }
  }
  return wanted;
}

}  // namespace

int bench_matmul(const Options& options) {
  int failures = 0;
  if (options.correct || options.bitwise) {
    for (const Format& format : wanted_formats(options)) {
      if (!options.shape.empty()) failures += check_matmul(options, format, options.shape);
      for (const Model& model : options.shape.empty() ? models(options, "matmul") : std::vector<Model>()) {
        for (const Line& line : model.lines) {
          // The largest are the same loops again, for minutes.
          if (line.numbers.size() != 2 || line.name == "rows" || line.numbers[0] * line.numbers[1] > 60'000'000) {
            continue;
          }
          for (int64_t rows : {1, 3, 4, 17, 64}) {
            failures += check_matmul(options, format, {rows, line.numbers[0], line.numbers[1]});
          }
        }
      }
    }
    printf("matmul: %s\n",
           failures == 0 ? "the same bits as the plain loop, on every instruction set and team" : "FAILED");
  }
  if (options.speed) {
    printf("| product | format | rows | set | threads | rate | roof | share | CPU |\n"
           "|---|---|---|---|---|---|---|---|---|\n");
    for (const Format& format : wanted_formats(options)) {
      if (!options.shape.empty()) {
        measure(options, "", format, options.shape[1], options.shape[2], {options.shape[0]});
      }
      for (const Model& model : options.shape.empty() ? models(options, "matmul") : std::vector<Model>()) {
        std::vector<int64_t> rows = model.numbers_of("rows");
        if (!options.rows.empty()) rows.assign(options.rows.begin(), options.rows.end());
        for (const Line& line : model.lines) {
          if (line.name == "rows" || line.numbers.size() != 2) continue;
          measure(options, model.name + " " + line.name, format, line.numbers[0], line.numbers[1], rows);
        }
      }
    }
  }
  return failures;
}

}  // namespace kernbench
