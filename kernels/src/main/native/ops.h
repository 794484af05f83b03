// SPDX-License-Identifier: Apache-2.0
// What an operation gives to the context that runs it, and what it gets.
#pragma once

#include "winnow_kernels.h"

namespace wk {

constexpr int32_t kPage = 64;    // positions of a page
constexpr int32_t kChunk = 256;  // positions of an attention chunk, counted from the sequence's start
constexpr int32_t kPanel = 16;   // outputs of a weight panel

/* One operation on its way. */
struct Run {
  const wk_op* op;
  const wk_rows* rows;
  int32_t count;        // rows that the operation works on
  int32_t threads;      // members of the team
  const int32_t* group; // attention: first row of each group of rows of one task; then the end of the last
  int32_t groups;
  char* shared;         // memory of the operation that all of its tasks see
  const wk_op* silu;    // the silu_mul that a product does along with itself, writing that one's output alone; or null
};

/* One operation for one instruction set. */
struct Operation {
  /* Number of tasks; they are independent and may run in any order. */
  int32_t (*tasks)(const Run& run);
  /* Bytes of scratch that a task needs. */
  int64_t (*scratch)(const Run& run);
  /* Does one task; `scratch` is the member's own, aligned to 64 bytes. */
  void (*run)(const Run& run, int32_t task, char* scratch);

  /* What comes before all of that, for operations that have it: its tasks, what they do, and the bytes of run.shared. */
  int32_t (*first_tasks)(const Run& run) = nullptr;
  void (*first)(const Run& run, int32_t task, char* scratch) = nullptr;
  int64_t (*shared)(const Run& run) = nullptr;
  /* Whether a product can do the silu_mul behind it along, for so many rows; null: never. */
  bool (*takes_silu)(const Run& run) = nullptr;
};

/* Drawing of tokens for one instruction set. */
struct Sampling {
  /* Bytes of scratch that a member of the team needs. */
  int64_t (*scratch)(const wk_sample& sample);
  /* Draws the token of one row; `scratch` is the member's own, aligned to 64 bytes. */
  void (*run)(const wk_sample& sample, int32_t row, char* scratch);
};

/* Scoring of given tokens for one instruction set. */
struct Scoring {
  void (*run)(const wk_score& score, int32_t row);
};

/* All operations of an instruction set, by kind. */
constexpr int32_t kKinds = WK_GATHER + 1;
struct Operations {
  Operation by_kind[kKinds];
  Operation grouped_matmul;  // matmul with integer weights
  Sampling sampling;
  Scoring scoring;
  Operation native_matmul;  // matmul with WK_BF16_TILES; without functions where there is none
};

inline bool is_integer(const wk_weight& weight) { return weight.format == WK_INT8 || weight.format == WK_INT4; }

/* Panels of a matrix with so many outputs. */
inline int64_t panels_of_outputs(int64_t outputs) { return (outputs + kPanel - 1) / kPanel; }

/* Groups of a row of integer weights. */
inline int64_t groups_of(const wk_weight& w) { return (static_cast<int64_t>(w.cols) + w.group - 1) / w.group; }

/* Tiles of 32 columns and 16 outputs, 1 KiB each, that a panel of WK_BF16_TILES takes. */
constexpr int64_t kTileColumns = 32, kTileBytes = 1024;
inline int64_t tiles_of(int64_t cols) { return (cols + kTileColumns - 1) / kTileColumns; }

/* Vectors of 64 bytes that a panel of codes takes: of 16 outputs, 4 columns each in bytes, 8 in nibbles. */
inline int64_t code_vectors(int32_t format, int64_t cols) {
  return format == WK_INT8 ? (cols + 3) / 4 : (cols + 7) / 8;
}

const Operations& avx2_operations();
const Operations& avx512_operations();
const Operations& amx_operations();
const Operations& neon_operations();

/* Rows of one task of a row-wise operation: few tasks for each member, so that one that is late delays little. */
inline int32_t row_tasks(const Run& run, int64_t cost_of_row) {
  // Below about 5 µs of work sharing it costs more than it saves.
  int64_t cost = run.count * cost_of_row;
  int64_t tasks = cost / 5000;
  int64_t most = run.count < 4 * run.threads ? run.count : 4 * run.threads;
  return static_cast<int32_t>(tasks < 1 ? 1 : tasks > most ? most : tasks);
}

inline void row_range(const Run& run, int32_t tasks, int32_t task, int32_t* from, int32_t* to) {
  *from = static_cast<int32_t>(static_cast<int64_t>(run.count) * task / tasks);
  *to = static_cast<int32_t>(static_cast<int64_t>(run.count) * (task + 1) / tasks);
}

}  // namespace wk
