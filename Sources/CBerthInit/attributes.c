// Attributes that few containers ask for: security labels, I/O priority, memory policy.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Whether `told`, what the kernel says of a label, is `label`: AppArmor puts the profile's mode in brackets behind it.
static int is_label(const char *told, const char *label) {
  size_t length = strlen(label);
  return !strncmp(told, label, length) && (!told[length] || told[length] == '\n' || !strncmp(told + length, " (", 2));
}

int berth_label(int proc, const char *file, const char *label) {
  char path[128], told[4096];
  snprintf(path, sizeof path, "%d/%s", (int)syscall(SYS_getpid), file);
  if (berth_file_write(proc, path, label)) return -1;
  struct open_how how = {
    .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  int number = (int)syscall(SYS_openat2, proc, path, &how, sizeof how);
  if (number < 0) return -1;
  ssize_t got = read(number, told, sizeof told - 1);
  int error = errno;
  close(number);
  if (got < 0) return errno = error, -1;
  told[got] = 0;
  // AppArmor is told "exec PROFILE" and answers with the profile alone.
  if (is_label(told, !strncmp(label, "exec ", 5) ? label + 5 : label)) return 0;
  return errno = EBADE, -1;
}

int berth_io_priority(uint64_t priority) {
  enum { PROCESS = 1 };
  return (int)syscall(SYS_ioprio_set, PROCESS, 0, (int)priority);
}

int berth_memory_policy(uint64_t mode, const void *nodes, uint64_t bytes) {
  // The kernel counts one bit more than it reads.
  return (int)syscall(SYS_set_mempolicy, (int)mode, bytes ? nodes : NULL, bytes ? bytes * 8 + 1 : 0);
}
