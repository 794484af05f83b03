// SPDX-License-Identifier: Apache-2.0
// Checks and measures the native kernels through their C ABI:
//
//   kernbench [OP] [--mode=correct,bitwise,speed] [--inputs=FOLDER] [--model=NAME,…] [--format=f32,…]
//             [--isa=avx2,…] [--threads=1,2,…] [--rows=1,…] [--shape=AxBxC] [--pages=own|shared|prompt|store]
//             [--cache=f32,bf16,int8] [--window=N] [--hostile] [--seed=HEX] [--count=N] [--footprint=MiB]
//
// OP: matmul, attention, rms_norm, silu_mul, team, roofline, fuzz; all of them (without fuzz) if none is given.
// Modes: correct compares with plain scalar loops bit by bit, bitwise compares instruction sets, teams and batches with
// each other, speed measures beside the machine's limits, taken in turn in the same run. Without --mode: the first two.
// A failure prints the line that repeats it. Exit 0 if all is well, 1 if something differs, 2 for wrong usage.
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "roofline.h"

namespace kernbench {

namespace {

[[noreturn]] void wrong(const std::string& what) {
  fprintf(stderr, "kernbench: %s; the head of kernbench.cc tells the usage\n", what.c_str());
  exit(2);
}

std::vector<std::string> parts(const std::string& text, char border) {
  std::vector<std::string> found;
  size_t at = 0;
  while (at <= text.size()) {
    size_t end = std::min(text.find(border, at), text.size());
    found.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

int64_t number(const std::string& text, int base) {
  char* end = nullptr;
  unsigned long long value = strtoull(text.c_str(), &end, base);
  if (text.empty() || *end != 0) wrong("'" + text + "' is no number");
  return static_cast<int64_t>(value);
}

void take(Options& options, const std::string& name, const std::string& value) {
  if (name == "mode") {
    options.correct = options.bitwise = options.speed = false;
    for (const std::string& mode : parts(value, ',')) {
      if (mode == "correct") options.correct = true;
      else if (mode == "bitwise") options.bitwise = true;
      else if (mode == "speed") options.speed = true;
      else wrong("there is no mode '" + mode + "'");
    }
  } else if (name == "inputs") {
    options.inputs = value;
  } else if (name == "model") {
    options.models = parts(value, ',');
  } else if (name == "format") {
    options.formats = parts(value, ',');
    for (const std::string& format : options.formats) {
      const Format* known = format_of(format);
      if (known == nullptr) wrong("there is no format '" + format + "'");
      if (!computes(WK_ISA_AMX, *known)) wrong("'" + format + "' is not available on this machine: it has no AMX-BF16");
    }
  } else if (name == "isa") {
    for (const std::string& wanted : parts(value, ',')) {
      size_t before = options.isas.size();
      for (const Isa& isa : isas()) {
        if (wanted == isa.name) options.isas.push_back(isa.id);
      }
      if (options.isas.size() == before) wrong("'" + wanted + "' is not available on this machine");
    }
  } else if (name == "threads") {
    for (const std::string& n : parts(value, ',')) options.threads.push_back(static_cast<int32_t>(number(n, 10)));
  } else if (name == "rows") {
    for (const std::string& n : parts(value, ',')) options.rows.push_back(static_cast<int32_t>(number(n, 10)));
  } else if (name == "shape") {
    for (const std::string& n : parts(value, 'x')) options.shape.push_back(number(n, 10));
  } else if (name == "cache") {
    for (const std::string& wanted : parts(value, ',')) {
      size_t before = options.caches.size();
      for (const Isa& cache : caches()) {
        if (wanted == cache.name) options.caches.push_back(cache.id);
      }
      if (options.caches.size() == before) wrong("there is no cache of '" + wanted + "'");
    }
  } else if (name == "pages") {
    options.pages = value;
  } else if (name == "window") {
    options.window = static_cast<int32_t>(number(value, 10));
  } else if (name == "seed") {
    options.seed = static_cast<uint64_t>(number(value, 16));
  } else if (name == "count") {
    options.count = static_cast<int32_t>(number(value, 10));
  } else if (name == "footprint") {
    options.footprint = number(value, 10) << 20;
  } else if (name == "hostile") {
    options.hostile = true;
  } else {
    wrong("there is no option --" + name);
  }
}

void print_roofline(const Options& options) {
  printf("| roofline | set | threads | fp32 FMA GFLOP/s | int8 dot GOP/s | read 2 MiB GB/s | 64 MiB GB/s |"
         " 512 MiB GB/s |\n|---|---|---|---|---|---|---|---|\n");
  Buffer<char> memory(512 << 20);
  for (int32_t isa : options.isas) {
    for (int32_t threads : options.threads) {
      Roofline roofline(isa, threads);
      std::vector<double> fma, dot, small, middle, large;
      for (int round = 0; round < 7; round++) {
        fma.push_back(roofline.fma().rate);
        dot.push_back(roofline.dot().rate);
        small.push_back(roofline.read(std::vector<const void*>(16, memory.data()), 2 << 20).rate);
        middle.push_back(roofline.read({memory.data()}, 64 << 20).rate);
        large.push_back(roofline.read({memory.data()}, 512 << 20).rate);
      }
      printf("| registers, memory | %s | %d | %.1f | %.0f | %.1f | %.1f | %.1f |\n", isa_name(isa), threads,
             median(fma) * 1e-9, median(dot) * 1e-9, median(small) * 1e-9, median(middle) * 1e-9,
             median(large) * 1e-9);
      fflush(stdout);
    }
  }
}

}  // namespace

/* Small random cases of all operations, each with its own seed. */
int fuzz(const Options& options) {
  Random random(options.seed);
  int failures = 0;
  for (int32_t i = 0; i < options.count; i++) {
    Options one = options;
    one.seed = random.next() >> 16;
    one.hostile = random.below(3) == 0;
    switch (random.below(4)) {
      case 0:
      case 1: {
        const Format& format = formats()[random.below(static_cast<int64_t>(formats().size()))];
        int64_t rows = 1 + random.below(random.below(8) == 0 ? 200 : 20);
        failures += check_matmul(one, format, {rows, 1 + random.below(700), 1 + random.below(200)});
        break;
      }
      case 2: {
        int64_t kv = 1 + random.below(3), heads = kv * (1 + random.below(5));
        int64_t dim = random.below(4) == 0 ? 2 * (1 + random.below(40)) : 16 * (1 + random.below(8));
        one.window = random.below(3) == 0 ? 1 + random.below(400) : 0;
        const char* pages[] = {"own", "shared", "prompt"};
        int32_t cache = options.caches[random.below(static_cast<int64_t>(options.caches.size()))];
        failures += check_attention(one, cache, {1 + random.below(20), heads, kv, dim, 1 + random.below(600)},
                                    pages[random.below(3)]);
        break;
      }
      default:
        failures += check_rows(one, random.below(2) == 0 ? "rms_norm" : "silu_mul",
                               {1 + random.below(40), 1 + random.below(800)});
    }
  }
  printf("fuzz: %d cases from seed %llx: %s\n", options.count, static_cast<unsigned long long>(options.seed),
         failures == 0 ? "the same bits" : "FAILED");
  return failures;
}

namespace {

int run(Options options) {
  static const char* const known[] = {"", "matmul", "attention", "rms_norm", "silu_mul", "team", "roofline", "fuzz"};
  if (std::find(std::begin(known), std::end(known), options.op) == std::end(known)) {
    wrong("there is no operation '" + options.op + "'");
  }
  size_t numbers = options.op == "matmul" ? 3 : options.op == "attention" ? 5 : options.op == "team" ? 1 : 2;
  if (!options.shape.empty() && options.shape.size() != numbers) {
    wrong("--shape of " + options.op + " has " + std::to_string(numbers) + " numbers");
  }
  Options timed = options;
  int32_t cores = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  bool all_threads = options.threads.empty();
  if (all_threads) timed.threads = {cores};
  if (all_threads) options.threads = {1, 2, 5};
  options.speed = false;
  timed.correct = timed.bitwise = false;
  int failures = 0;
  auto wanted = [&](const char* op) { return options.op.empty() || options.op == op; };
  auto both = [&](int (*bench)(const Options&)) {
    if (options.correct || options.bitwise) failures += bench(options);
    if (timed.speed) failures += bench(timed);
  };
  if (options.op == "roofline" || (options.op.empty() && timed.speed)) {
    Options each = timed;
    if (all_threads && cores > 1) each.threads = {1, cores};
    print_roofline(each);
  }
  if (wanted("matmul")) both(bench_matmul);
  if (wanted("attention")) both(bench_attention);
  if (wanted("rms_norm") || wanted("silu_mul")) failures += options.correct ? bench_rows(options) : 0;
  if (wanted("team")) both(bench_team);
  if (options.op == "fuzz") failures += fuzz(options);
  if (wk_outstanding_bytes() != 0) {
    printf("FAILED: %lld bytes of the kernels are still held\n", static_cast<long long>(wk_outstanding_bytes()));
    failures++;
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.inputs = std::string(WK_INPUTS);
  for (int i = 1; i < argc; i++) {
    std::string argument = argv[i];
    size_t equals = argument.find('=');
    if (argument.compare(0, 2, "--") == 0) {
      take(options, argument.substr(2, equals == std::string::npos ? equals : equals - 2),
           equals == std::string::npos ? "" : argument.substr(equals + 1));
    } else if (options.op.empty()) {
      options.op = argument;
    } else {
      wrong("'" + argument + "' is one operation too many");
    }
  }
  if (options.isas.empty()) {
    for (const Isa& isa : isas()) options.isas.push_back(isa.id);
  }
  if (options.caches.empty()) {
    for (const Isa& cache : caches()) options.caches.push_back(cache.id);
  }
  return run(options);
}

}  // namespace kernbench

int main(int argc, char** argv) { return kernbench::main(argc, argv); }
