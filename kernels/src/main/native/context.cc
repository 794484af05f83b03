// SPDX-License-Identifier: Apache-2.0
// The C ABI: contexts, and the running of operation lists.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <atomic>
#include <new>

#include "environment.h"
#include "isa.h"
#include "ops.h"
#include "team.h"

namespace {

using namespace wk;

// The only state of the process; for tests that nothing is left behind.
std::atomic<int64_t> outstanding{0};

constexpr int32_t kMostThreads = 1024;
// Queries of one attention task: as many as their scores and sums leave room for in the second-level cache.
constexpr int32_t kGroupQueries = 48;

int32_t built_isas() {
#if defined(__x86_64__)
  return WK_ISA_AVX2 | WK_ISA_AVX512 | WK_ISA_AMX | WK_ISA_AMX_BF16 | WK_ISA_AMX_EMULATED;
#elif defined(__aarch64__)
  return WK_ISA_NEON;
#else
  return 0;
#endif
}

const Operations* operations(int32_t isa) {
  switch (isa) {
#if defined(__x86_64__)
    case WK_ISA_AVX2:
      return &avx2_operations();
    case WK_ISA_AVX512:
      return &avx512_operations();
    case WK_ISA_AMX:
      return &amx_operations();
#elif defined(__aarch64__)
    case WK_ISA_NEON:
      return &neon_operations();
#endif
    default:
      return nullptr;
  }
}

/* Memory that grows to the largest step seen and then stays. */
class Scratch {
 public:
  ~Scratch() { release(); }

  char* fit(int64_t bytes) {
    if (bytes <= size_) return memory_;
    release();
    int64_t rounded = (bytes + 4095) & ~4095LL;
    memory_ = static_cast<char*>(aligned_alloc(64, rounded));
    if (memory_ == nullptr) return nullptr;
    size_ = rounded;
    outstanding += size_;
    return memory_;
  }

 private:
  void release() {
    free(memory_);
    outstanding -= size_;
    memory_ = nullptr;
    size_ = 0;
  }

  char* memory_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace

struct wk_context {
  Team team;
  const Operations* operations = nullptr;
  Scratch scratch;
  Scratch groups;
  Scratch shared;
  int64_t nanos[WK_TIMES] = {};
};

namespace {

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What a member of the team needs to do a task. */
struct Work {
  const Operation* operation;
  const Run* run;
  char* scratch;
  int64_t scratch_each;
};

void one_task(void* arg, int32_t task, int32_t member) {
  const Work& work = *static_cast<const Work*>(arg);
  work.operation->run(*work.run, task, work.scratch + member * work.scratch_each);
}

void one_first_task(void* arg, int32_t task, int32_t member) {
  const Work& work = *static_cast<const Work*>(arg);
  work.operation->first(*work.run, task, work.scratch + member * work.scratch_each);
}

// Neighbouring rows that one attention task takes: those of one sequence, and those that share their first pages, as
// samples of one prompt do; fewer where the team would have too few tasks. Which rows meet changes no bit.
int32_t group_rows(wk_context& context, const wk_op& op, const wk_rows& rows, int32_t* starts) {
  int32_t by_size = kGroupQueries / (op.heads / op.kv_heads);
  // Two tasks for each member, and no more: a task reads its keys and values once for all of its rows.
  int32_t wanted = (2 * context.team.size() + op.kv_heads - 1) / op.kv_heads;
  int32_t by_team = (rows.count + wanted - 1) / wanted;
  int32_t most = by_size < by_team ? by_size : by_team;
  int32_t groups = 0;
  for (int32_t r = 0; r < rows.count;) {
    starts[groups++] = r;
    int32_t next = r + 1;
    while (next < rows.count && next - r < most
           && (rows.page_table[next] == rows.page_table[r]
               || rows.pages[rows.page_table[next]] == rows.pages[rows.page_table[r]])) {
      next++;
    }
    r = next;
  }
  starts[groups] = rows.count;
  return groups;
}

bool fits(const wk_weight& w) {
  if (w.rows < 1 || w.cols < 1 || w.data == nullptr) return false;
  if (!is_integer(w)) return w.format == WK_F32 || w.format == WK_BF16 || w.format == WK_BF16_TILES;
  bool group = w.group == 16 || w.group == 32 || w.group == 64 || w.group == 128;
  return group && w.scales != nullptr && w.zero >= 0 && w.zero < 256;
}

bool fits(const wk_op& op, const wk_rows& rows) {
  switch (op.kind) {
    case WK_EMBED:
    case WK_MATMUL:
      return op.weight != nullptr && fits(*op.weight);
    case WK_RMS_NORM:
    case WK_SILU_MUL:
    case WK_GATHER:
      return op.cols > 0;
    case WK_ROPE:
      return op.heads > 0 && op.head_dim > 0 && op.head_dim % 2 == 0 && op.cols >= op.heads * op.head_dim;
    case WK_STORE_KV:
    case WK_ATTENTION:
      return op.head_dim > 0 && op.kv_heads > 0 && op.heads >= op.kv_heads && op.heads % op.kv_heads == 0
          && op.window >= 0 && op.cache_format >= WK_KV_F32 && op.cache_format <= WK_KV_INT8
          && rows.positions != nullptr && rows.pages != nullptr;
    default:
      return false;
  }
}

// Whether an operation only activates what the product before it writes.
bool activates(const wk_op& op, const wk_op& product) {
  return op.kind == WK_SILU_MUL && product.kind == WK_MATMUL && op.x == product.out && op.row_set == product.row_set
      && op.rows == product.rows && product.b == nullptr && product.weight->rows == 2 * int64_t{op.cols}
      && op.cols % kPanel == 0;
}

// Runs the first operation, and the second along with it where `together` says so afterwards; `next` may be null.
int32_t run_one(wk_context& context, const wk_op& op, const wk_op* next, const wk_rows& rows, bool* together) {
  if (!fits(op, rows)) return WK_BAD_SHAPE;
  Run run = {&op, &rows, 0, context.team.size(), nullptr, 0, nullptr, nullptr};
  run.count = op.row_set == WK_FIXED_ROWS ? op.rows : op.row_set == WK_PICKED_ROWS ? rows.picked_count : rows.count;
  if (run.count <= 0) return run.count == 0 ? WK_OK : WK_BAD_SHAPE;
  if (op.kind == WK_EMBED) {
    for (int32_t r = 0; r < run.count; r++) {
      if (rows.tokens[r] < 0 || rows.tokens[r] >= op.weight->rows) return WK_BAD_TOKEN;
    }
  }
  if (op.kind == WK_ATTENTION) {
    char* starts = context.groups.fit((rows.count + 1) * sizeof(int32_t));
    if (starts == nullptr) return WK_NO_MEMORY;
    run.group = reinterpret_cast<int32_t*>(starts);
    run.groups = group_rows(context, op, rows, reinterpret_cast<int32_t*>(starts));
  }
  const Operations& all = *context.operations;
  const Operation& operation = op.kind != WK_MATMUL ? all.by_kind[op.kind]
      : is_integer(*op.weight) ? all.grouped_matmul
      : op.weight->format == WK_BF16_TILES ? all.native_matmul : all.by_kind[WK_MATMUL];
  if (operation.run == nullptr) return WK_UNAVAILABLE;
  *together = next != nullptr && operation.takes_silu != nullptr && activates(*next, op) && operation.takes_silu(run);
  run.silu = *together ? next : nullptr;
  Work work = {&operation, &run, nullptr, (operation.scratch(run) + 63) & ~63LL};
  if (work.scratch_each > 0) {
    work.scratch = context.scratch.fit(work.scratch_each * context.team.size());
    if (work.scratch == nullptr) return WK_NO_MEMORY;
  }
  if (operation.first != nullptr) {
    run.shared = context.shared.fit(operation.shared(run));
    if (run.shared == nullptr) return WK_NO_MEMORY;
    context.team.run(operation.first_tasks(run), one_first_task, &work);
  }
  context.team.run(operation.tasks(run), one_task, &work);
  return WK_OK;
}

}  // namespace

int32_t wk_abi_version(void) { return WK_ABI_VERSION; }

int32_t wk_layout_version(void) { return WK_LAYOUT_VERSION; }

int32_t wk_isas(void) { return machine_isas() & built_isas(); }

int32_t wk_open(int32_t threads, int32_t isa, wk_context** out) {
  *out = nullptr;
  if (threads < 1 || threads > kMostThreads) return WK_BAD_SHAPE;
  const Operations* table = operations(isa);
  if (table == nullptr || (wk_isas() & isa) == 0) return WK_UNAVAILABLE;
  wk_context* context = new (std::nothrow) wk_context();
  if (context == nullptr) return WK_NO_MEMORY;
  outstanding += sizeof(wk_context);
  context->operations = table;
  if (!context->team.start(threads)) {
    wk_close(context);
    return WK_NO_MEMORY;
  }
  *out = context;
  return WK_OK;
}

void wk_close(wk_context* context) {
  if (context != nullptr) {
    delete context;
    outstanding -= sizeof(wk_context);
  }
}

int32_t wk_run(wk_context* context, const wk_op* ops, int64_t count, const wk_rows* rows) {
  FloatEnvironment environment;
  int64_t start = now();
  for (int64_t i = 0; i < count; i++) {
    bool together = false;
    int32_t status = run_one(*context, ops[i], i + 1 < count ? ops + i + 1 : nullptr, *rows, &together);
    if (status != WK_OK) return status;
    int64_t end = now();
    context->nanos[ops[i].kind] += end - start;
    start = end;
    if (together) i++;
  }
  return WK_OK;
}

namespace {

// All sums of weights stay below 2^63.
constexpr int32_t kMostVocab = 1 << 22;
// Logits below which waking others costs more than it saves.
constexpr int64_t kFewLogits = 20000;

/* Rows differ much in their cost, so each is a task, unless they are very short. */
int32_t row_tasks_of(int64_t rows, int64_t vocab) {
  int64_t tasks = rows * vocab / kFewLogits;
  tasks = tasks < 1 ? 1 : tasks;
  return static_cast<int32_t>(tasks < rows ? tasks : rows);
}

struct Draws {
  const Sampling* sampling;
  const wk_sample* sample;
  char* scratch;
  int64_t scratch_each;
  int32_t tasks;
};

void some_draws(void* arg, int32_t task, int32_t member) {
  const Draws& draws = *static_cast<const Draws*>(arg);
  int64_t rows = draws.sample->rows;
  for (int64_t row = rows * task / draws.tasks; row < rows * (task + 1) / draws.tasks; row++) {
    draws.sampling->run(*draws.sample, static_cast<int32_t>(row), draws.scratch + member * draws.scratch_each);
  }
}

struct Scores {
  const Scoring* scoring;
  const wk_score* score;
  int32_t tasks;
};

void some_scores(void* arg, int32_t task, int32_t) {
  const Scores& scores = *static_cast<const Scores*>(arg);
  int64_t rows = scores.score->rows;
  for (int64_t row = rows * task / scores.tasks; row < rows * (task + 1) / scores.tasks; row++) {
    scores.scoring->run(*scores.score, static_cast<int32_t>(row));
  }
}

}  // namespace

int32_t wk_sample_rows(wk_context* context, const wk_sample* sample) {
  if (sample->rows < 0 || sample->vocab < 1 || sample->vocab > kMostVocab) return WK_BAD_SHAPE;
  FloatEnvironment environment;
  const Sampling& sampling = context->operations->sampling;
  Draws draws = {&sampling, sample, nullptr, (sampling.scratch(*sample) + 63) & ~63LL, 0};
  draws.tasks = row_tasks_of(sample->rows, sample->vocab);
  draws.scratch = context->scratch.fit(draws.scratch_each * context->team.size());
  if (draws.scratch == nullptr) return WK_NO_MEMORY;
  int64_t start = now();
  context->team.run(draws.tasks, some_draws, &draws);
  context->nanos[0] += now() - start;
  return WK_OK;
}

int32_t wk_score_rows(wk_context* context, const wk_score* score) {
  if (score->rows < 0 || score->vocab < 1 || score->vocab > kMostVocab) return WK_BAD_SHAPE;
  FloatEnvironment environment;
  Scores scores = {&context->operations->scoring, score, row_tasks_of(score->rows, score->vocab)};
  int64_t start = now();
  context->team.run(scores.tasks, some_scores, &scores);
  context->nanos[0] += now() - start;
  return WK_OK;
}

void wk_times(const wk_context* context, int64_t nanos[WK_TIMES]) {
  memcpy(nanos, context->nanos, sizeof(context->nanos));
}

int64_t wk_outstanding_bytes(void) { return outstanding.load(); }
