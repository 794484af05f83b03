// SPDX-License-Identifier: Apache-2.0
// C ABI of the native kernels. The arithmetic of each operation is fixed by kernels/NUMERICS.md.
//
// A caller opens a context (a team of threads and an instruction set) and runs lists of operations on it. All memory is
// the caller's: addresses are raw, nothing is checked but shapes, and a run allocates nothing once the context has seen
// its largest step. One caller at a time for each context; contexts share nothing. Nothing here prints, exits or throws.
#ifndef WINNOW_KERNELS_H
#define WINNOW_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WK_ABI_VERSION 8

/* Counted up when the layout of packed matrices changes: they lie in files that later builds find. */
#define WK_LAYOUT_VERSION 1

/* Status of a call. */
enum {
  WK_OK = 0,
  WK_BAD_TOKEN = 1,   /* embed: an id outside the vocabulary */
  WK_BAD_SHAPE = 2,   /* sizes that an operation cannot have */
  WK_NO_MEMORY = 3,   /* no room for scratch, or no thread */
  WK_UNAVAILABLE = 4  /* this machine lacks the instruction set */
};

/* Instruction sets; bits in the answer of wk_isas. The last two are none to open: whether the set AMX computes products
   of WK_BF16_TILES, and whether its tiles are emulated, in builds for tests. */
enum {
  WK_ISA_AVX2 = 1,
  WK_ISA_AVX512 = 2,
  WK_ISA_AMX = 4,
  WK_ISA_NEON = 8,
  WK_ISA_AMX_BF16 = 16,
  WK_ISA_AMX_EMULATED = 32
};

/* Formats of a packed matrix. Panels of 16 outputs, the last one padded with zeros. Columns of float formats are never
   padded; those of integer formats are, with codes that meet inputs of 0, to whole vectors of 64 bytes, and those of
   WK_BF16_TILES with zeros to whole tiles of 32. Products of WK_BF16_TILES have bits of their own (NUMERICS.md: native
   products), and few machines have them: WK_UNAVAILABLE elsewhere. */
enum {
  WK_F32 = 0,  /* float [rows/16][cols][16] */
  WK_BF16 = 1, /* uint16 [rows/16][cols][16], upper halves of float32 */
  WK_INT8 = 2, /* uint8 [rows/16][cols/4][16][4]; signed codes are held + 128 */
  WK_INT4 = 3, /* uint8 [rows/16][cols/8][16][4]: low nibbles are 4 columns, high ones the next 4 */
  WK_BF16_TILES = 4 /* uint16 [rows/16][cols/2][16][2]: pairs of columns, upper halves of float32 */
};

/* Scales and minimums of integer formats: [rows/16][groups][16], all float32 or all float16. */
typedef struct wk_weight {
  const void* data;   /* aligned to 64 bytes */
  const void* scales; /* integer formats */
  const void* mins;   /* integer formats; may be null */
  int32_t rows;       /* outputs */
  int32_t cols;       /* inputs */
  int32_t format;
  int32_t group;      /* columns of a group: 16, 32, 64 or 128 */
  int32_t zero;       /* what is to be taken off the codes as they are held */
  int32_t half;       /* 1: scales and minimums are float16 */
} wk_weight;

/* What a step computes. Rows of one sequence stand side by side, in ascending position. */
typedef struct wk_rows {
  const int32_t* tokens;      /* [count]; read by embed */
  const int32_t* positions;   /* [count] */
  const int32_t* page_table;  /* [count]: where in pages the row's table begins; equal for rows of one sequence */
  const int32_t* pages;       /* page ids: page of positions 64 i … 64 i + 63 of the sequence at index i of its table */
  const int32_t* picked;      /* [picked_count] rows that gather picks */
  int32_t count;
  int32_t picked_count;
} wk_rows;

enum {
  WK_EMBED = 1,
  WK_RMS_NORM = 2,
  WK_MATMUL = 3,
  WK_ROPE = 4,
  WK_STORE_KV = 5,
  WK_ATTENTION = 6,
  WK_SILU_MUL = 7,
  WK_GATHER = 8
};

/* How keys and values are held; NUMERICS.md: storeKv and attention. */
enum { WK_KV_F32 = 0, WK_KV_BF16 = 1, WK_KV_INT8 = 2 };

/* Which rows an operation works on: all of the step, those that gather has picked, or `rows` of them. */
enum { WK_ALL_ROWS = 0, WK_PICKED_ROWS = 1, WK_FIXED_ROWS = 2 };

/* One operation. Activations are float32, row-major. */
typedef struct wk_op {
  int32_t kind;
  int32_t row_set;
  int32_t rows; /* for WK_FIXED_ROWS */
  int32_t layer;
  const wk_weight* weight; /* embed, matmul */
  const float* x;          /* input; qkv for store_kv and attention */
  const float* a;          /* bias; weight of rms_norm; cos of rope */
  const float* b;          /* residual; sin of rope */
  float* out;              /* output; rope: what is rotated */
  void* cache;             /* store_kv, attention: pages of 64 tokens, [page][layer][kv head]; ops/kv_page.h */
  int32_t cols;            /* rms_norm, silu_mul, gather: width of a row; rope: distance of rows */
  int32_t heads;           /* query heads; rope: heads that are rotated */
  int32_t kv_heads;
  int32_t head_dim;
  int32_t layers;
  int32_t window;  /* attention: positions a query sees, itself included; 0 for all */
  float scale;     /* attention: factor of scores; rms_norm: eps */
  int32_t cache_format; /* store_kv, attention: WK_KV_... */
} wk_op;

/* Draws one token a row. Arrays have an element a row; the caller keeps the ranges of NUMERICS.md. */
typedef struct wk_sample {
  const float* logits; /* [rows][vocab] */
  const int32_t* seen; /* tokens that the penalties are for, those of a row one behind the other */
  const int32_t* times;  /* how often each is in the output; read where frequency or presence is not 0 */
  const int32_t* biased; /* tokens that have a bias, those of a row one behind the other */
  const float* bias;     /* what is added to their logits; may be -infinity */
  const uint32_t* masks; /* bit i % 32 of word i / 32: whether token i may be drawn; rows may share a mask */

  const int64_t* seen_start; /* where in `seen` and `times` the row's begin */
  const int64_t* bias_start; /* where in `biased` and `bias` the row's begin */
  const int64_t* mask_start; /* word of `masks` with which the row's begins; -1: every token may be drawn */
  const int64_t* seed;       /* key of the random numbers */
  const int64_t* stream;     /* last two words of the counter */
  const double* top_p;
  int64_t* raw_sum; /* receives, where asked for, the sum of rint(exp(logit - raw_max) * 2^40) over the row */

  const float* temperature;
  const float* min_p;
  const float* penalty;   /* of repetition */
  const float* frequency;
  const float* presence;
  float* raw_max;   /* receives, where asked for, the largest logit */
  float* raw_token; /* receives, where asked for, the logit of the token */

  const int32_t* top_k;
  const int32_t* seen_count;
  const int32_t* bias_count;
  const int32_t* sample;       /* second word of the counter */
  const int32_t* position;     /* first word of the counter */
  const int32_t* want_logprob; /* 0 or 1: whether raw_sum, raw_max and raw_token are asked for */
  int32_t* token;              /* receives the token; -1: not finite, or none to draw; -2: settings out of their ranges */

  int32_t rows;
  int32_t vocab; /* at most 2^22 */
} wk_sample;

/* Scores given tokens, one a row. Arrays have an element a row. */
typedef struct wk_score {
  const float* logits; /* [rows][vocab] */
  int64_t* raw_sum;    /* receives the sum of rint(exp(logit - raw_max) * 2^40); 0: a logit is not finite */
  float* raw_max;      /* receives the largest logit */
  float* raw_token;    /* receives the logit of the token */
  const int32_t* token; /* 0 ... vocab - 1 */

  int32_t rows;
  int32_t vocab; /* at most 2^22 */
} wk_score;

typedef struct wk_context wk_context;

/* Version of this header, so that a caller and a library of different builds find out. */
int32_t wk_abi_version(void);

/* WK_LAYOUT_VERSION of this library. */
int32_t wk_layout_version(void);

/* Sets that this build has and this machine can run. */
int32_t wk_isas(void);

/* Opens a context whose team has `threads` threads, the caller's own among them. */
int32_t wk_open(int32_t threads, int32_t isa, wk_context** out);

void wk_close(wk_context* context);

/* Runs operations one after the other. What a product gives to the silu_mul that stands next in the list may be left out
   of memory. */
int32_t wk_run(wk_context* context, const wk_op* ops, int64_t count, const wk_rows* rows);

/* Nanoseconds that a context has spent on operations of each kind since it was opened; index 0: drawing and scoring
   tokens. */
enum { WK_TIMES = WK_GATHER + 1 };
void wk_times(const wk_context* context, int64_t nanos[WK_TIMES]);

/* Draws tokens. */
int32_t wk_sample_rows(wk_context* context, const wk_sample* sample);

/* Scores given tokens: what their log-probabilities under the raw logits are made of. */
int32_t wk_score_rows(wk_context* context, const wk_score* score);

/* Bytes of a packed matrix, or of its codes; -1 for shapes or formats that there are none of. */
int64_t wk_packed_bytes(int32_t format, int64_t rows, int64_t cols);

/* Packs rows first … first + count - 1 of a matrix; `source` holds them row by row. `first` is a multiple of 16, and
   `count` too but for the matrix's last rows. */
int32_t wk_pack(const wk_weight* weight, void* data, int32_t first, int32_t count, const float* source);

/* Packs rows of integer weights likewise. `codes` are as held (signed ones + 128), row by row; scales and mins are float
   or float16 as weight->half says, [count][groups]. */
int32_t wk_pack_codes(const wk_weight* weight, void* data, void* scales, void* mins, int32_t first, int32_t count,
                      const uint8_t* codes, const void* source_scales, const void* source_mins);

/* The functions on files give 0 or an errno; symbolic links are not followed. */

/* Makes a file that must not be there yet, reserves its room on the disk and maps it to be written. */
int32_t wk_map_new(const char* path, int64_t bytes, void** address);

/* Maps a whole file to be read, shared by all who map it; EPERM unless it is this user's own and nobody else may write
   to it. */
int32_t wk_map(const char* path, void** address, int64_t* bytes);

/* Writes a mapping to the disk, and returns when it is there. */
int32_t wk_sync(void* address, int64_t bytes);

int32_t wk_unmap(void* address, int64_t bytes);

/* Takes a lock that one holder at a time has, in whatever process, and that a dead process has no longer. Makes the file
   where it is missing. EWOULDBLOCK: somebody else holds it. */
int32_t wk_lock(const char* path, int32_t* lock);

void wk_unlock(int32_t lock);

/* Zeroed memory that the system gives page by page when it is touched; wk_unmap gives it back. */
int32_t wk_zeros(int64_t bytes, void** address);

/* The processors that the calling thread may run on, ascending, at most `most`: their number, or the negative errno. */
int32_t wk_affinity(int32_t* processors, int32_t most);

/* Lets the calling thread, and those that it starts, run on these processors alone. 0 or an errno. */
int32_t wk_pin(const int32_t* processors, int32_t count);

/* Bytes that contexts hold at the moment: 0 when all are closed. */
int64_t wk_outstanding_bytes(void);

#ifdef __cplusplus
}
#endif
#endif
