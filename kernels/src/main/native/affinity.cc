// SPDX-License-Identifier: Apache-2.0
// Which processors a thread may run on.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>

#include "winnow_kernels.h"

namespace {

constexpr int32_t kMostProcessors = 8192;

/* A set that is large enough for any kernel's. */
class Processors {
 public:
  Processors() : set_(CPU_ALLOC(kMostProcessors)) {
    if (set_ != nullptr) CPU_ZERO_S(bytes(), set_);
  }
  ~Processors() {
    if (set_ != nullptr) CPU_FREE(set_);
  }
  Processors(const Processors&) = delete;
  Processors& operator=(const Processors&) = delete;

  static size_t bytes() { return CPU_ALLOC_SIZE(kMostProcessors); }
  cpu_set_t* set() { return set_; }

 private:
  cpu_set_t* set_;
};

}  // namespace

int32_t wk_affinity(int32_t* processors, int32_t most) {
  Processors found;
  if (found.set() == nullptr) return -ENOMEM;
  if (sched_getaffinity(0, Processors::bytes(), found.set()) != 0) return -errno;
  int32_t count = 0;
  for (int32_t i = 0; i < kMostProcessors && count < most; i++) {
    if (CPU_ISSET_S(i, Processors::bytes(), found.set())) processors[count++] = i;
  }
  return count;
}

int32_t wk_pin(const int32_t* processors, int32_t count) {
  Processors wanted;
  if (wanted.set() == nullptr) return ENOMEM;
  for (int32_t i = 0; i < count; i++) {
    if (processors[i] < 0 || processors[i] >= kMostProcessors) return EINVAL;
    CPU_SET_S(processors[i], Processors::bytes(), wanted.set());
  }
  return sched_setaffinity(0, Processors::bytes(), wanted.set()) == 0 ? 0 : errno;
}
