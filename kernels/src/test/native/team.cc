// SPDX-License-Identifier: Apache-2.0
// The team of threads: a stress of it, what one fork and join costs, and a product beside a busy neighbour.
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "../../main/native/team.h"
#include "bench.h"

namespace kernbench {

namespace {

struct Job {
  std::vector<int32_t> seen;       // by task; each is written by one member alone
  std::vector<int64_t> by_member;  // counts
  int32_t spin = 0;
};

void count_task(void* arg, int32_t task, int32_t member) {
  Job& job = *static_cast<Job*>(arg);
  job.seen[task]++;
  job.by_member[member]++;
  for (int32_t i = 0; i < job.spin; i++) __asm__ volatile("" : : : "memory");
}

void empty_task(void*, int32_t, int32_t) {}

// Jobs of many sizes; every task must have been done once, and be seen to be done when run returns.
bool jobs(wk::Team& team, Random& random, int32_t count) {
  Job job;
  job.by_member.assign(team.size(), 0);
  int64_t expected = 0;
  for (int32_t n = 0; n < count; n++) {
    int32_t tasks = random.below(4) == 0 ? random.below(2000) : random.below(2 * team.size() + 2);
    job.seen.assign(tasks, 0);
    job.spin = random.below(8) == 0 ? random.below(20000) : random.below(100);
    // Now and then members have gone to sleep in between.
    if (random.below(64) == 0) usleep(200);
    team.run(tasks, count_task, &job);
    expected += tasks;
    for (int32_t seen : job.seen) {
      if (seen != 1) return false;
    }
  }
  int64_t done = 0;
  for (int64_t each : job.by_member) done += each;
  return done == expected;
}

}  // namespace

int stress_team(uint64_t seed, int32_t rounds) {
  Random random(seed);
  int failures = 0;
  for (int32_t round = 0; round < rounds; round++) {
    // Also more threads than any machine that runs this has cores to spare.
    int32_t size = round % 4 == 0 ? 16 : 1 + random.below(8);
    wk::Team team;
    bool well = team.start(size);
    // Some teams close before they have worked, or while members are on their way to sleep.
    if (well && random.below(8) != 0) well = jobs(team, random, 1 + random.below(300));
    for (int32_t i = random.below(500); well && i > 0; i--) team.run(2, empty_task, nullptr);
    if (!well) {
      failures += fail("team --shape=" + std::to_string(rounds), seed,
                       "a task of a team of " + std::to_string(size) + " was not done once, round "
                           + std::to_string(round));
    }
  }
  return failures;
}

namespace {

void fork_join() {
  printf("| empty operation of two tasks a member, team of | median µs | after 1 ms of rest, median µs |\n");
  printf("|---|---|---|\n");
  // Teams that are larger than the machine show what it costs to wait for members that get no core.
  for (int32_t size : {1, 2, 4, 8, 16}) {
    wk::Team team;
    if (!team.start(size)) abort();
    std::vector<double> close, rested;
    for (int32_t i = 0; i < 300; i++) {
      double start = now();
      for (int32_t n = 0; n < 100; n++) team.run(2 * size, empty_task, nullptr);
      close.push_back((now() - start) * 1e4);
    }
    for (int32_t i = 0; i < 200; i++) {
      usleep(1000);
      double start = now();
      team.run(2 * size, empty_task, nullptr);
      rested.push_back((now() - start) * 1e6);
    }
    printf("| %d | %.2f | %.1f |\n", size, median(close), median(rested));
  }
}

/* A process that keeps one core busy until it is ended. */
class Neighbour {
 public:
  Neighbour() : child_(fork()) {
    if (child_ != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    for (;;) __asm__ volatile("" : : : "memory");
  }
  ~Neighbour() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

 private:
  pid_t child_;
};

/* A layer's products, 16 rows of SmolLM2: operations of some 50 µs, one waiting for the other. */
class Layer {
 public:
  Layer() {
    const int64_t shapes[][2] = {{576, 960}, {576, 576}, {576, 3072}, {1536, 576}};
    Random random(1);
    for (auto& shape : shapes) {
      Buffer<float> source(shape[0] * shape[1]);
      fill(random, source, false);
      packed_.emplace_back(wk_packed_bytes(WK_F32, shape[1], shape[0]));
      wk_weight weight = {};
      weight.data = packed_.back().data();
      weight.rows = static_cast<int32_t>(shape[1]);
      weight.cols = static_cast<int32_t>(shape[0]);
      weight.format = WK_F32;
      weights_.push_back(weight);
      wk_pack(&weights_.back(), packed_.back().data(), 0, weights_.back().rows, source.data());
    }
    for (const wk_weight& weight : weights_) {
      wk_op op = {};
      op.kind = WK_MATMUL;
      op.row_set = WK_FIXED_ROWS;
      op.rows = 16;
      op.weight = &weight;
      op.x = x_.data();
      op.out = out_.data();
      ops_.push_back(op);
    }
  }

  /* Layers a second; `share` becomes the part of the asked cores' time that this process got. */
  double rate(Context& context, int32_t threads, double* share) {
    double start = now(), busy = cpu_seconds(), done = 0;
    do {
      for (int32_t i = 0; i < 20; i++) context.run(ops_.data(), static_cast<int64_t>(ops_.size()), wk_rows{});
      done += 20;
    } while (now() - start < 0.4);
    double seconds = now() - start;
    *share = (cpu_seconds() - busy) / seconds / threads;
    return done / seconds;
  }

 private:
  std::vector<Buffer<char>> packed_;
  std::vector<wk_weight> weights_;
  std::vector<wk_op> ops_;
  Buffer<float> x_{16 * 1536}, out_{16 * 3072};
};

void beside_a_neighbour(const Options& options) {
  printf("| SmolLM2 layer's products, 16 rows, f32 | alone | CPU | beside a busy core | CPU | throughput kept |"
         " CPU kept |\n|---|---|---|---|---|---|---|\n");
  Layer layer;
  int32_t threads = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  for (int32_t isa : options.isas) {
    Context context(isa, threads);
    std::vector<double> alone, beside, alone_cpu, beside_cpu, kept, cpu_kept;
    double cpu = 0;
    layer.rate(context, threads, &cpu);
    for (int32_t i = 0; i < 7; i++) {
      alone.push_back(layer.rate(context, threads, &cpu));
      alone_cpu.push_back(cpu);
      Neighbour neighbour;
      beside.push_back(layer.rate(context, threads, &cpu));
      beside_cpu.push_back(cpu);
      kept.push_back(beside.back() / alone.back());
      cpu_kept.push_back(beside_cpu.back() / alone_cpu.back());
    }
    printf("| %s, %d threads | %.0f layers/s | %.0f %% | %.0f layers/s | %.0f %% | %.0f %% | %.0f %% |\n",
           isa_name(isa), threads, median(alone), 100 * median(alone_cpu), median(beside), 100 * median(beside_cpu),
           100 * median(kept), 100 * median(cpu_kept));
  }
}

}  // namespace

int bench_team(const Options& options) {
  int failures = 0;
  if (options.correct) {
    failures = stress_team(options.seed, options.shape.empty() ? 60 : static_cast<int32_t>(options.shape[0]));
    printf("team: %s\n", failures == 0 ? "every task done once, at all sizes" : "FAILED");
  }
  if (options.speed) {
    fork_join();
    beside_a_neighbour(options);
  }
  return failures;
}

}  // namespace kernbench
