// SPDX-License-Identifier: Apache-2.0
// What the parts of kernbench share: options, memory, random numbers, comparison, the clock.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "../../main/native/winnow_kernels.h"
#include "splitmix64.h"

namespace kernbench {

/* What the command line asks for; an empty list stands for all. */
struct Options {
  std::string op;
  bool correct = true, bitwise = true, speed = false;
  bool hostile = false;
  std::string inputs;  // folder of the shapes
  std::vector<std::string> models, formats;
  std::vector<int32_t> isas, threads, rows;
  std::vector<int64_t> shape;
  std::string pages;  // attention: own, shared or prompt
  std::vector<int32_t> caches;  // attention: WK_KV_...; how keys and values are held
  int32_t window = 0;
  uint64_t seed = 0x7c1f;
  int32_t count = 200;  // fuzz: cases
  int64_t footprint = 256 << 20;  // bytes of weights that are walked through in turn, as the layers of a model are
};

/* A weight format: how it is named and what it holds. More formats are more lines of this table. */
struct Format {
  const char* name;
  int32_t id;
  int32_t group = 0;  // integer formats: columns of a group; scales are float16
  int32_t zero = 0;   // what is to be taken off the codes as they are held
  bool mins = false;
};
inline bool is_integer(const Format& format) { return format.group > 0; }
const std::vector<Format>& formats();
const Format* format_of(const std::string& name);
/* Whether this machine computes products of the format with the instruction set. */
bool computes(int32_t isa, const Format& format);

struct Isa {
  const char* name;
  int32_t id;
};
const std::vector<Isa>& isas();  // those of this build and machine
const char* isa_name(int32_t id);

/* How keys and values are held, WK_KV_...: f32, bf16, int8. */
const std::vector<Isa>& caches();

/* Memory aligned to 64 bytes, of exactly the size asked for: sanitizers see each step beyond. */
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t count) : count_(count) {
    void* p = nullptr;
    // Large pages for what is large, as wk_zeros has them.
    int64_t large = int64_t{2} << 20, size = count * static_cast<int64_t>(sizeof(T));
    if (posix_memalign(&p, size >= large ? large : 64, std::max<int64_t>(1, size)) != 0) abort();
    if (size >= large) madvise(p, size, MADV_HUGEPAGE);
    data_ = static_cast<T*>(p);
    memset(p, 0, size);
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { free(data_); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return count_; }
  int64_t bytes() const { return count_ * static_cast<int64_t>(sizeof(T)); }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }

 private:
  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
  }
  T* data_ = nullptr;
  int64_t count_ = 0;
};

/* Numbers for cases. */
class Random : public SplitMix64 {
 public:
  using SplitMix64::SplitMix64;
  int32_t below(int64_t n) { return static_cast<int32_t>(next() % n); }
  /* Uniform in [-1, 1). */
  float value() { return static_cast<float>(static_cast<int32_t>(next() >> 32)) * 0x1p-31f; }
  /* As value, but one in 24 is what files and overflows can hold: NaN, infinities, zeros, subnormals, the largest. */
  float hostile_value();
};

void fill(Random& random, Buffer<float>& buffer, bool hostile);

/* The first element whose bits differ, NaNs being equal; -1 if there is none. */
int64_t first_difference(const float* a, const float* b, int64_t count);

inline double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/* Of the process; other threads' part is as old as their cores' last tick. Of the calling thread: exact. */
inline double cpu_seconds(clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/* A context that closes itself; aborts with a line if the machine cannot give it. */
class Context {
 public:
  Context(int32_t isa, int32_t threads);
  ~Context() { wk_close(context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  /* Runs operations over rows; a status other than WK_OK ends the program. */
  void run(const wk_op* ops, int64_t count, const wk_rows& rows);

 private:
  wk_context* context_ = nullptr;
};

/* A line of an inputs file: its first word and the numbers behind it. */
struct Line {
  std::string name;
  std::vector<int64_t> numbers;
};
struct Model {
  std::string name;
  std::vector<Line> lines;
  std::vector<int64_t> numbers_of(const std::string& name) const;
};
std::vector<Model> models(const Options& options, const std::string& op);

std::string text_of(const std::vector<int64_t>& shape);

/* Says how to repeat a failure; returns 1, the number of failures. */
int fail(const std::string& arguments, uint64_t seed, const std::string& what);

/* What the machine does at most: units a second, and the part of the asked cores' time that it had to do it. */
struct Limit {
  double rate = 0, cpu = 0;
};

/* What a row of a table says of speed. */
struct Speed {
  double rate = 0;   // units a second
  double roof = 0;   // the same, at most
  double share = 0;  // median of both sides' quotients, round by round
  double cpu = 0;    // of the asked cores' time, what this process got
  int rounds = 0;
};

/* Measures `work`, which returns the units that it has done, and `roof` in turn. Rounds in which somebody else had the
   cores while the roof was measured do not count, if there are others. */
Speed in_turn(int32_t threads, const std::function<Limit()>& roof, const std::function<double()>& work);

/* The columns of Speed: rate and roof by `unit` (1e9 of them a second), share, CPU, rounds. */
void print_speed(const Speed& speed, const char* unit);

/* Each returns its number of failures. */
int bench_matmul(const Options& options);
int bench_attention(const Options& options);
int bench_rows(const Options& options);
int bench_team(const Options& options);
int fuzz(const Options& options);

int check_matmul(const Options& options, const Format& format, const std::vector<int64_t>& shape);
int check_attention(const Options& options, int32_t cache, const std::vector<int64_t>& shape, const std::string& pages);
int check_rows(const Options& options, const std::string& op, const std::vector<int64_t>& shape);
int stress_team(uint64_t seed, int32_t rounds);

}  // namespace kernbench
