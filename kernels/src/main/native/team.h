// SPDX-License-Identifier: Apache-2.0
// A resident team that shares out the tasks of one operation after another. The caller works too. Idle members spin for
// some microseconds, because the next operation of a step usually follows at once, and then sleep in the kernel, so that
// neighbours on the machine get the cores. Each member begins with a share of its own, the same one in every operation, so
// that what it wrote it finds in its own cache; then it helps the others. A member that is not scheduled takes no tasks and
// is not waited for.
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

  /* Runs body(arg, 0 … tasks - 1, member), each task once, and returns when all are done. Member i begins with tasks from
     tasks · i / size on, in ascending order. */
  void run(int32_t tasks, Body body, void* arg);

 private:
  struct Member {
    Team* team;
    int32_t index;
    pthread_t thread;
  };

  static void* serve(void* member);
  void serve(int32_t member);
  bool work_one(int32_t member);

  // What is left of a member's share, in one word, so that a task is taken only from the operation it belongs to:
  // 16 bits of the operation's number, 24 of the end, 24 of the next task.
  struct alignas(64) Share {
    std::atomic<uint64_t> state{0};
  };

  Share* shares_ = nullptr;
  uint64_t number_ = 0;
  alignas(64) std::atomic<int32_t> done_{0};
  std::atomic<int32_t> caller_sleeps_{0};
  alignas(64) std::atomic<int32_t> wake_{0};
  std::atomic<int32_t> sleepers_{0};
  std::atomic<bool> closed_{false};
  Body body_ = nullptr;
  void* arg_ = nullptr;
  int32_t tasks_ = 0;
  Member* members_ = nullptr;
  int32_t size_ = 0;
  int32_t started_ = 0;
};

}  // namespace wk
