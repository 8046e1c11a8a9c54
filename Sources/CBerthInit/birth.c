// The clone of a container's first process. Where it is to be born in namespaces that only who gives up its rights can enter, or under
// clocks that must be set before anybody lives under them, a process in between does that: it shares this one's memory, clones the
// container as its own sibling, and is gone.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

// Room for the deepest copy of a directory tree.
enum { STACK_SIZE = 1 << 20 };

static pid_t clone_now(struct berth_birth *birth, uint64_t flags) {
  int number = -1;
  struct clone_args arguments = {
    // A child of the parent's inherits what its end is told by.
    .flags = flags | CLONE_PIDFD | CLONE_PARENT_SETTID, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
    .pidfd = (uint64_t)(uintptr_t)&number, .parent_tid = (uint64_t)(uintptr_t)birth->cloned};
  if (birth->cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)birth->cgroup;
  }
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    close(birth->launcher);
    berth_perform(birth->plan, birth->report, birth->cloned);
  }
  birth->pidfd = number;
  return pid;
}

static int set_clocks(const char *offsets) {
  if (unshare(CLONE_NEWTIME)) return -1;
  int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size_t length = strlen(offsets);
  ssize_t written = write(file, offsets, length);
  int error = errno;
  close(file);
  errno = written < 0 ? error : EIO;
  return written == (ssize_t)length ? 0 : -1;
}

static int be_between(void *argument) {
  struct berth_birth *birth = argument;
  birth->failed = BERTH_BIRTH_CLOCKS;
  if (birth->time_offsets && set_clocks(birth->time_offsets)) return birth->error = errno, 1;
  for (int at = 0; at < birth->join_count; at++) {
    birth->failed = at;
    if (berth_join(birth->joins[at].descriptor, birth->joins[at].kind)) return birth->error = errno, 1;
  }
  birth->failed = BERTH_BIRTH_CLONE;
  birth->pid = clone_now(birth, birth->flags | CLONE_PARENT);
  birth->error = birth->pid < 0 ? errno : 0;
  return 0;
}

// A time namespace is joined by nobody whose memory others use.
static int shares_memory(const struct berth_birth *birth) {
  for (int at = 0; at < birth->join_count; at++)
    if (birth->joins[at].kind == CLONE_NEWTIME) return 0;
  return 1;
}

static pid_t clone_between(struct berth_birth *given) {
  // The container goes on on the stack, on its own copy of it; what is found out is for this process to read.
  char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  struct berth_birth *birth = mmap(NULL, sizeof *given, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED || birth == MAP_FAILED) return -1;
  *birth = *given;
  birth->pid = -1;
  // This process stands still until the other one is gone.
  int flags = CLONE_VFORK | CLONE_FILES | CLONE_PARENT_SETTID | SIGCHLD;
  flags |= (shares_memory(birth) ? CLONE_VM : 0) | (birth->flags & CLONE_PARENT ? CLONE_PARENT : 0);
  pid_t between = clone(be_between, stack + STACK_SIZE, flags, birth, birth->between);
  int error = between < 0 ? errno : birth->error;
  *given = *birth;
  munmap(stack, STACK_SIZE);
  munmap(birth, sizeof *birth);
  errno = error;
  return between < 0 ? -1 : given->pid;
}

pid_t berth_clone_container(struct berth_birth *birth) {
  int checked = berth_plan_check(birth->plan, birth->size);
  birth->failed = BERTH_BIRTH_CLONE;
  birth->pidfd = -1;
  *birth->between = 0;
  if (checked || birth->join_count < 0 || birth->join_count > BERTH_BIRTH_JOINS) return errno = checked ? -checked : EINVAL, -1;
  return birth->join_count || birth->time_offsets ? clone_between(birth) : clone_now(birth, birth->flags);
}
