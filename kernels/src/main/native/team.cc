// SPDX-License-Identifier: Apache-2.0
#include "team.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "environment.h"

namespace wk {

namespace {

constexpr int64_t kSpinNanos = 20000;
constexpr uint64_t kCount = (1u << 24) - 1;

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void sleep_while(std::atomic<int32_t>& word, int32_t value) {
  syscall(SYS_futex, reinterpret_cast<int32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake_all(std::atomic<int32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<int32_t*>(&word), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

// True if `ready` holds before the spinning time is over.
template <class Condition>
bool spin_until(Condition ready) {
  int64_t end = 0;
  for (;;) {
    for (int i = 0; i < 16; i++) {
      if (ready()) return true;
      pause();
    }
    int64_t at = now();
    if (end == 0) end = at + kSpinNanos;
    if (at >= end) return false;
  }
}

bool has_task(uint64_t state) { return (state & kCount) < (state >> 24 & kCount); }

}  // namespace

bool Team::start(int32_t size) {
  size_ = size;
  if (size == 1) return true;
  members_ = new (std::nothrow) Member[size - 1];
  shares_ = new (std::nothrow) Share[size];
  if (members_ == nullptr || shares_ == nullptr) return false;
  // Signals of the process are for its other threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int32_t i = 0; i < size - 1; i++) {
    members_[i].team = this;
    members_[i].index = i + 1;
    if (pthread_create(&members_[i].thread, nullptr, &Team::serve, &members_[i]) != 0) break;
    started_++;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started_ == size - 1;
}

Team::~Team() {
  closed_.store(true);
  wake_.fetch_add(1);
  wake_all(wake_);
  for (int32_t i = 0; i < started_; i++) pthread_join(members_[i].thread, nullptr);
  delete[] members_;
  delete[] shares_;
}

void Team::run(int32_t tasks, Body body, void* arg) {
  if (tasks <= 1 || started_ == 0) {
    for (int32_t i = 0; i < tasks; i++) body(arg, i, 0);
    return;
  }
  body_ = body;
  arg_ = arg;
  tasks_ = tasks;
  done_.store(0);
  number_++;
  for (int32_t i = 0; i < size_; i++) {
    uint64_t from = static_cast<uint64_t>(tasks) * i / size_, to = static_cast<uint64_t>(tasks) * (i + 1) / size_;
    shares_[i].state.store(number_ << 48 | to << 24 | from);
  }
  wake_.fetch_add(1);
  if (sleepers_.load() > 0) wake_all(wake_);
  while (work_one(0)) {
  }
  while (!spin_until([&] { return done_.load() == tasks; })) {
    caller_sleeps_.store(1);
    int32_t seen = done_.load();
    if (seen != tasks) sleep_while(done_, seen);
    caller_sleeps_.store(0);
  }
}

bool Team::work_one(int32_t member) {
  for (int32_t i = 0; i < size_; i++) {
    std::atomic<uint64_t>& share = shares_[(member + i) % size_].state;
    uint64_t state = share.load();
    while (has_task(state)) {
      if (share.compare_exchange_weak(state, state + 1)) {
        // Not to be read once the task is done: from then on the caller may start the next operation.
        int32_t tasks = tasks_;
        body_(arg_, static_cast<int32_t>(state & kCount), member);
        if (done_.fetch_add(1) + 1 == tasks && caller_sleeps_.load() != 0) wake_all(done_);
        return true;
      }
    }
  }
  return false;
}

void* Team::serve(void* member) {
  Member* self = static_cast<Member*>(member);
  FloatEnvironment environment;
  self->team->serve(self->index);
  return nullptr;
}

void Team::serve(int32_t member) {
  while (!closed_.load()) {
    int32_t epoch = wake_.load();
    if (work_one(member)) continue;
    if (spin_until([&] { return wake_.load() != epoch || closed_.load(); })) continue;
    sleepers_.fetch_add(1);
    // The caller counts the sleepers after it has moved the word, so either it sees this one or this one sees the word.
    if (wake_.load() == epoch && !closed_.load()) sleep_while(wake_, epoch);
    sleepers_.fetch_sub(1);
  }
}

}  // namespace wk
