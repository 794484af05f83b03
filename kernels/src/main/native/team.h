// SPDX-License-Identifier: Apache-2.0
// A resident team that shares out the tasks of one operation after another. The caller works too. Idle members spin for
// some microseconds, because the next operation of a step usually follows at once, and then sleep in the kernel, so
// that neighbours on the machine get the cores. Each member begins with a share of its own, the same one in every
// operation, so that what it wrote it finds in its own cache; then it helps the others. A member that is not scheduled
// and has taken no task is not waited for.
//
// There is no counter of all members: each takes tasks from a word of its own and tells what it did in a tally that it
// has with seven others, once a share; the caller adds up the tallies. The line that tells the operation is only read.
#pragma once

#include <pthread.h>
#include <stdint.h>

#include <atomic>

namespace wk {

class Team {
 public:
  typedef void (*Body)(void* arg, int32_t task, int32_t member);

  Team() = default;
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  /* Starts size - 1 threads; false if the system gives none. */
  bool start(int32_t size);

  int32_t size() const { return size_; }

  /* Runs body(arg, 0 … tasks - 1, member), each task once, and returns when all are done; tasks < 2^24. Member i begins
     with tasks from tasks · i / size on, in ascending order. */
  void run(int32_t tasks, Body body, void* arg);

 private:
  struct Member {
    Team* team;
    int32_t index;
    pthread_t thread;
  };

  // How much of a member's tasks is taken, in one word: 40 bits of the operation's number, 24 of the next task. Whoever
  // comes first opens it for an operation, so the caller writes none of them.
  struct alignas(128) Share {
    std::atomic<uint64_t> state{0};
  };

  // Tasks that some neighbouring members have done since the team started, modulo 2^32.
  struct alignas(128) Tally {
    std::atomic<uint32_t> done{0};
  };

  static void* serve(void* member);
  void serve(int32_t member);
  uint32_t work(int32_t member, uint64_t operation);
  uint32_t work_share(std::atomic<uint64_t>& share, uint64_t from, uint64_t to, int32_t member, uint64_t operation);
  void report(int32_t member, uint32_t done);
  bool members_are_done() const;

  Share* shares_ = nullptr;
  Tally* tallies_ = nullptr;
  int32_t tally_count_ = 0;
  Member* members_ = nullptr;
  int32_t size_ = 0;
  int32_t started_ = 0;

  // What all members look at: 40 bits of the operation's number, 24 of its tasks, and what to do.
  alignas(128) std::atomic<uint64_t> operation_{0};
  Body body_ = nullptr;
  void* arg_ = nullptr;
  std::atomic<int32_t> wake_{0};
  std::atomic<bool> closed_{false};
  alignas(128) std::atomic<int32_t> sleepers_{0};
  // Written by the caller alone while it waits, but for finished_, which a member moves that wakes it.
  alignas(128) std::atomic<uint32_t> expected_{0};
  std::atomic<int32_t> caller_sleeps_{0};
  std::atomic<int32_t> finished_{0};
};

}  // namespace wk
