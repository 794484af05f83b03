// SPDX-License-Identifier: Apache-2.0
// Files in memory, for packed matrices that the processes of a host share, and zeroed memory of the system.
// Test: FileMappingTest.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "winnow_kernels.h"

namespace {

/* The descriptor, or the negative errno. */
int open_file(const char* path, int flags) {
  int fd;
  do {
    fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

/* 0 for a regular file of this user that nobody else may write to; its size. */
int32_t own_file(int fd, int64_t* bytes) {
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return EPERM;
  }
  *bytes = status.st_size;
  return 0;
}

/* Room on the disk, so that no write to the mapping finds none: that would be a signal and not an error. */
int32_t reserve(int fd, int64_t bytes) {
  int32_t error;
  do {
    error = posix_fallocate(fd, 0, bytes);
  } while (error == EINTR);
  return error;
}

int32_t map_fd(int fd, int64_t bytes, int protection, void** address) {
  void* mapped = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return errno;
  // A key or value touches many pages of 4 KiB, and the processor knows few of them. That there are no large ones is no
  // error.
  madvise(mapped, bytes, MADV_HUGEPAGE);
  *address = mapped;
  return 0;
}

}  // namespace

int32_t wk_map_new(const char* path, int64_t bytes, void** address) {
  if (bytes < 1) return EINVAL;
  int fd = open_file(path, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) return -fd;
  int32_t error = reserve(fd, bytes);
  if (error == 0) error = map_fd(fd, bytes, PROT_READ | PROT_WRITE, address);
  close(fd);
  return error;
}

int32_t wk_map(const char* path, void** address, int64_t* bytes) {
  int fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return -fd;
  int32_t error = own_file(fd, bytes);
  if (error == 0 && *bytes < 1) error = EINVAL;
  if (error == 0) error = map_fd(fd, *bytes, PROT_READ, address);
  // What is not in memory yet is read ahead; that it cannot be is no error.
  if (error == 0) madvise(*address, *bytes, MADV_WILLNEED);
  close(fd);
  return error;
}

int32_t wk_sync(void* address, int64_t bytes) { return msync(address, bytes, MS_SYNC) == 0 ? 0 : errno; }

int32_t wk_unmap(void* address, int64_t bytes) { return munmap(address, bytes) == 0 ? 0 : errno; }

int32_t wk_lock(const char* path, int32_t* lock) {
  int fd = open_file(path, O_RDWR | O_CREAT);
  if (fd < 0) return -fd;
  int64_t bytes;
  int32_t error = own_file(fd, &bytes);
  // Of the open file, not of the process: two class loaders of one process exclude each other as well.
  if (error == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) error = errno;
  if (error != 0) {
    close(fd);
    return error;
  }
  *lock = fd;
  return 0;
}

void wk_unlock(int32_t lock) { close(lock); }

int32_t wk_zeros(int64_t bytes, void** address) {
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return errno;
  // A key or value touches many pages of 4 KiB, and the processor knows few of them. That there are no large ones is no
  // error.
  madvise(mapped, bytes, MADV_HUGEPAGE);
  *address = mapped;
  return 0;
}
