// SPDX-License-Identifier: Apache-2.0
#include "roofline.h"

#include "../../main/native/team.h"

namespace kernbench {

const Loops& avx2_loops();
const Loops& avx512_loops();
const Loops& neon_loops();
double tile_loop(int64_t rounds, float* sink);

namespace {

// Pieces of the work for each member: one that is late leaves its share to others, as in the operations.
constexpr int32_t kPieces = 8;
constexpr int64_t kRounds = 100000;

const Loops& loops_of(int32_t isa) {
#if defined(__x86_64__)
  return isa == WK_ISA_AVX2 ? avx2_loops() : avx512_loops();
#else
  (void)isa;
  return neon_loops();
#endif
}

}  // namespace

struct Roofline::Crew {
  wk::Team team;
  const Loops* loops;
  double (*loop)(int64_t, float*);
  double done;       // by each piece
  double busy[64];   // seconds of each member's processor
  const std::vector<const void*>* buffers;
  int64_t part;
  int32_t pieces, streams;

  Limit limit(double units, double seconds) const {
    double all = 0;
    for (double each : busy) all += each;
    return {units / seconds, all / seconds / team.size()};
  }
};

Roofline::Roofline(int32_t isa, int32_t threads) : crew_(new Crew()) {
  if (threads > 64) abort();
  if (!crew_->team.start(threads)) abort();
  crew_->loops = &loops_of(isa);
}

Roofline::~Roofline() { delete crew_; }

Limit Roofline::compute(double (*loop)(int64_t, float*)) const {
  crew_->loop = loop;
  int32_t pieces = kPieces * crew_->team.size();
  std::fill(std::begin(crew_->busy), std::end(crew_->busy), 0.0);
  double start = now();
  crew_->team.run(pieces, [](void* arg, int32_t task, int32_t member) {
    Crew& crew = *static_cast<Crew*>(arg);
    double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    alignas(64) float sink[16] = {0.5f, 0.25f};
    double done = crew.loop(kRounds, sink);
    if (task == 0) crew.done = done;
    crew.busy[member] += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  }, crew_);
  return crew_->limit(crew_->done * pieces, now() - start);
}

Limit Roofline::fma() const { return compute(crew_->loops->fma); }

Limit Roofline::dot() const { return compute(crew_->loops->dot); }

Limit Roofline::tiles() const {
#if defined(__x86_64__)
  return compute(tile_loop);
#else
  return {};
#endif
}

Limit Roofline::read(const std::vector<const void*>& buffers, int64_t bytes_each) const {
  Limit best;
  int64_t most = kPieces * crew_->team.size();
  // In pieces of at least 64 KiB.
  crew_->pieces = static_cast<int32_t>(std::max<int64_t>(1, std::min(most, bytes_each >> 16)));
  crew_->part = bytes_each / crew_->pieces & ~63LL;
  crew_->buffers = &buffers;
  for (int32_t streams : {1, 8}) {
    crew_->streams = streams;
    std::fill(std::begin(crew_->busy), std::end(crew_->busy), 0.0);
    double start = now();
    crew_->team.run(crew_->pieces * static_cast<int32_t>(buffers.size()), [](void* arg, int32_t task, int32_t member) {
      Crew& crew = *static_cast<Crew*>(arg);
      double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
      float sink[16];
      const char* data = static_cast<const char*>((*crew.buffers)[task / crew.pieces]);
      crew.loops->read(data + crew.part * (task % crew.pieces), crew.part, crew.streams, sink);
      crew.busy[member] += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    }, crew_);
    double bytes = static_cast<double>(crew_->part) * crew_->pieces * static_cast<double>(buffers.size());
    Limit found = crew_->limit(bytes, now() - start);
    if (found.rate > best.rate) best = found;
  }
  return best;
}

}  // namespace kernbench
