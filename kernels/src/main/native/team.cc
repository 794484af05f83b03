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
constexpr int32_t kTaskBits = 24;
constexpr uint64_t kTask = (1u << kTaskBits) - 1;
constexpr int32_t kMembersATally = 8;

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

// Of two words of operations, whether the first is of a later one. Numbers of 40 bits may pass their end, since no
// share stays without tasks, and no member without processor time, for 2^39 operations: a month without a pause.
bool later(uint64_t first, uint64_t second) {
  return static_cast<int64_t>((first & ~kTask) - (second & ~kTask)) > 0;
}

}  // namespace

bool Team::start(int32_t size) {
  size_ = size;
  if (size == 1) return true;
  members_ = new (std::nothrow) Member[size - 1];
  shares_ = new (std::nothrow) Share[size];
  tally_count_ = (size + kMembersATally - 1) / kMembersATally;
  tallies_ = new (std::nothrow) Tally[tally_count_];
  if (members_ == nullptr || shares_ == nullptr || tallies_ == nullptr) return false;
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
  delete[] tallies_;
}

void Team::run(int32_t tasks, Body body, void* arg) {
  if (tasks <= 1 || started_ == 0) {
    for (int32_t i = 0; i < tasks; i++) body(arg, i, 0);
    return;
  }
  body_ = body;
  arg_ = arg;
  uint64_t operation = (operation_.load(std::memory_order_relaxed) & ~kTask) + (kTask + 1) + tasks;
  operation_.store(operation);
  wake_.fetch_add(1);
  if (sleepers_.load() > 0) wake_all(wake_);
  uint32_t others = tasks - work(0, operation);
  expected_.store(expected_.load(std::memory_order_relaxed) + others);
  while (!spin_until([&] { return members_are_done(); })) {
    caller_sleeps_.store(1);
    int32_t seen = finished_.load();
    if (!members_are_done()) sleep_while(finished_, seen);
    caller_sleeps_.store(0);
  }
}

// Does tasks of the operation until none is left that nobody has taken, the member's own first. Returns how many it
// did.
uint32_t Team::work(int32_t member, uint64_t operation) {
  uint64_t tasks = operation & kTask;
  uint32_t all = 0;
  for (int32_t i = 0; i < size_; i++) {
    int32_t owner = member + i < size_ ? member + i : member + i - size_;
    uint64_t from = tasks * owner / size_, to = tasks * (owner + 1) / size_;
    if (from == to) continue;
    uint32_t done = work_share(shares_[owner].state, from, to, member, operation);
    // Before it looks at other shares: the caller may be waiting for these tasks alone.
    if (done > 0 && member > 0) report(member, done);
    all += done;
  }
  return all;
}

uint32_t Team::work_share(
    std::atomic<uint64_t>& share, uint64_t from, uint64_t to, int32_t member, uint64_t operation) {
  uint32_t done = 0;
  uint64_t state = share.load(std::memory_order_relaxed);  // what is stale fails to be exchanged
  for (;;) {
    // A share with tasks is opened in every operation, so one that is behind has not been opened in this one. One that
    // is ahead is of a later operation: this member was not scheduled meanwhile.
    uint64_t task = later(operation, state) ? from : later(state, operation) ? to : state & kTask;
    if (task >= to) return done;
    uint64_t taken = (operation & ~kTask) + task + 1;
    if (!share.compare_exchange_weak(state, taken)) continue;
    body_(arg_, static_cast<int32_t>(task), member);
    done++;
    state = share.load(std::memory_order_relaxed);
  }
}

// Until a member has told of its tasks, the caller does not go on, so body_ and arg_ stand as long as they are used.
void Team::report(int32_t member, uint32_t done) {
  tallies_[member / kMembersATally].done.fetch_add(done);
  // The last to tell sees all tallies; the caller looks at them after it has said that it sleeps.
  if (caller_sleeps_.load() != 0 && members_are_done()) {
    finished_.fetch_add(1);
    wake_all(finished_);
  }
}

bool Team::members_are_done() const {
  uint32_t done = 0;
  for (int32_t i = 0; i < tally_count_; i++) done += tallies_[i].done.load();
  return done == expected_.load();
}

void* Team::serve(void* member) {
  Member* self = static_cast<Member*>(member);
  FloatEnvironment environment;
  self->team->serve(self->index);
  return nullptr;
}

void Team::serve(int32_t member) {
  uint64_t seen = 0;
  while (!closed_.load()) {
    int32_t epoch = wake_.load();
    uint64_t operation = operation_.load();
    if (operation != seen) {
      seen = operation;
      work(member, operation);
      continue;
    }
    if (spin_until([&] { return operation_.load() != seen || closed_.load(); })) continue;
    sleepers_.fetch_add(1);
    // The caller counts the sleepers after it has moved the word, so either it sees this one or this one sees the word.
    if (wake_.load() == epoch && !closed_.load()) sleep_while(wake_, epoch);
    sleepers_.fetch_sub(1);
  }
}

}  // namespace wk
