// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

namespace kernbench {

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
      {"f32", WK_F32},
      {"bf16", WK_BF16},
      {"int8", WK_INT8, 32, 128, false},      // as Q8_0 has them
      {"int8g128", WK_INT8, 128, 128, false},
      {"int4", WK_INT4, 32, 8, false},        // as Q4_0
      {"int4min", WK_INT4, 32, 0, true},      // as Q4_1
      {"bf16-native", WK_BF16_TILES},
  };
  return all;
}

const Format* format_of(const std::string& name) {
  for (const Format& format : formats()) {
    if (name == format.name) return &format;
  }
  return nullptr;
}

bool computes(int32_t isa, const Format& format) {
  return format.id != WK_BF16_TILES || (isa == WK_ISA_AMX && (wk_isas() & WK_ISA_AMX_BF16));
}

const std::vector<Isa>& isas() {
  static const std::vector<Isa> here = [] {
    std::vector<Isa> found;
    for (Isa isa : {Isa{"avx2", WK_ISA_AVX2}, Isa{"avx512", WK_ISA_AVX512}, Isa{"amx", WK_ISA_AMX},
                    Isa{"neon", WK_ISA_NEON}}) {
      if (wk_isas() & isa.id) found.push_back(isa);
    }
    return found;
  }();
  return here;
}

const std::vector<Isa>& caches() {
  static const std::vector<Isa> all = {{"f32", WK_KV_F32}, {"bf16", WK_KV_BF16}, {"int8", WK_KV_INT8}};
  return all;
}

const char* isa_name(int32_t id) {
  for (const Isa& isa : isas()) {
    if (isa.id == id) return isa.name;
  }
  return "none";
}

float Random::hostile_value() {
  static const float hostile[] = {NAN,         INFINITY, -INFINITY, 0.0f,     -0.0f,  FLT_TRUE_MIN, -FLT_TRUE_MIN,
                                  FLT_MIN / 3, FLT_MAX,  -FLT_MAX,  1e-20f,   1e20f,  -128.0f,      0x1.fffffep-127f,
                                  1e-38f,      65504.0f};
  uint64_t pick = next();
  if (pick % 24 != 0) return value();
  return hostile[(pick >> 32) % (sizeof(hostile) / sizeof(float))];
}

void fill(Random& random, Buffer<float>& buffer, bool hostile) {
  for (int64_t i = 0; i < buffer.size(); i++) buffer[i] = hostile ? random.hostile_value() : random.value();
}

int64_t first_difference(const float* a, const float* b, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (memcmp(a + i, b + i, sizeof(float)) != 0 && !(a[i] != a[i] && b[i] != b[i])) return i;
  }
  return -1;
}

Context::Context(int32_t isa, int32_t threads) {
  int32_t status = wk_open(threads, isa, &context_);
  if (status != WK_OK) {
    fprintf(stderr, "kernbench: no context of %d threads for %s: status %d\n", threads, isa_name(isa), status);
    exit(2);
  }
}

void Context::run(const wk_op* ops, int64_t count, const wk_rows& rows) {
  int32_t status = wk_run(context_, ops, count, &rows);
  if (status != WK_OK) {
    fprintf(stderr, "kernbench: an operation ended with status %d\n", status);
    exit(1);
  }
}

std::vector<int64_t> Model::numbers_of(const std::string& wanted) const {
  for (const Line& line : lines) {
    if (line.name == wanted) return line.numbers;
  }
  return {};
}

std::vector<Model> models(const Options& options, const std::string& op) {
  std::string folder = options.inputs + "/" + op;
  std::vector<std::string> names;
  if (DIR* dir = opendir(folder.c_str())) {
    while (dirent* entry = readdir(dir)) {
      std::string name = entry->d_name;
      if (name.size() > 4 && name.substr(name.size() - 4) == ".txt") names.push_back(name.substr(0, name.size() - 4));
    }
    closedir(dir);
  } else {
    fprintf(stderr, "kernbench: there is no folder %s; name the one of the shapes by --inputs\n", folder.c_str());
    exit(2);
  }
  std::sort(names.begin(), names.end(), std::greater<std::string>());
  std::vector<Model> found;
  for (const std::string& name : names) {
    if (!options.models.empty()
        && std::find(options.models.begin(), options.models.end(), name) == options.models.end()) {
      continue;
    }
    Model model{name, {}};
    FILE* file = fopen((folder + "/" + name + ".txt").c_str(), "r");
    char text[512];
    while (file != nullptr && fgets(text, sizeof text, file) != nullptr) {
      if (text[0] == '#') continue;
      Line line;
      char* rest = nullptr;
      char* word = strtok_r(text, " \t\n", &rest);
      if (word == nullptr) continue;
      line.name = word;
      while ((word = strtok_r(nullptr, " \t\n", &rest)) != nullptr) line.numbers.push_back(atoll(word));
      model.lines.push_back(line);
    }
    if (file != nullptr) fclose(file);
    found.push_back(model);
  }
  return found;
}

std::string text_of(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text;
}

int fail(const std::string& arguments, uint64_t seed, const std::string& what) {
  printf("REPRO kernbench %s --seed=%llx (%s)\n", arguments.c_str(), static_cast<unsigned long long>(seed),
         what.c_str());
  fflush(stdout);
  return 1;
}

Speed in_turn(int32_t threads, const std::function<Limit()>& roof, const std::function<double()>& work) {
  struct Round {
    double rate, roof;
    bool quiet;
  };
  std::vector<Round> rounds;
  int quiet = 0;
  work();
  double begin = now(), busy = cpu_seconds();
  Limit before = roof();
  // Eleven rounds that count, if they come within a few seconds; three in any case.
  while (rounds.size() < 3 || (quiet < 11 && now() - begin < 4) || (rounds.size() < 200 && now() - begin < 0.2)) {
    double start = now(), done = 0;
    do {
      done += work();
    } while (now() - start < 0.003);
    double rate = done / (now() - start);
    Limit after = roof();
    bool undisturbed = before.cpu > 0.95 && after.cpu > 0.95;
    rounds.push_back({rate, 2 / (1 / before.rate + 1 / after.rate), undisturbed});
    quiet += undisturbed;
    before = after;
  }
  double cpu = (cpu_seconds() - busy) / (now() - begin) / threads;
  std::vector<double> rates, roofs, shares;
  for (const Round& round : rounds) {
    if (!round.quiet && quiet >= 3) continue;
    rates.push_back(round.rate);
    roofs.push_back(round.roof);
    shares.push_back(round.rate / round.roof);
  }
  return {median(rates), median(roofs), median(shares), cpu, quiet >= 3 ? static_cast<int>(rates.size()) : 0};
}

void print_speed(const Speed& speed, const char* unit) {
  printf(" %.1f %s | %.1f | %.0f %% | %.0f %%%s |\n", speed.rate * 1e-9, unit, speed.roof * 1e-9, 100 * speed.share,
         100 * speed.cpu, speed.rounds == 0 ? " (disturbed)" : "");
  fflush(stdout);
}

}  // namespace kernbench
