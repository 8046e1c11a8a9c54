// A container with an init: two processes that go the last steps of the plan side by side, the init and the command, its child.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIGNAL_SET_SIZE = 8 };

static int block(uint64_t signals) {
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, SIGNAL_SET_SIZE);
}

int berth_split(struct berth_run *run, const struct berth_step *step) {
  run->init_program = (int)step->x;
  // One that comes before the init can listen waits for it: who is process 1 of a namespace would otherwise never see it.
  if (block(~0ull)) return -1;
  if (step->flags & BERTH_ONLY) return 0;
  // By the system call itself: none of the C library's handlers is this process's business.
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return -1;
  if (child > 0) return run->init_child = child, 0;
  run->init_program = -1;
  // A group of its own, so that what the terminal sends goes to the command and not twice. Blocked signals don't stop it here.
  if (setpgid(0, 0)) return -1;
  pid_t group = (pid_t)syscall(SYS_getpid);
  if (step->flags & BERTH_TERMINAL && ioctl(0, TIOCSPGRP, &group)) return -1;
  return block(0);
}

int berth_become_init(const struct berth_run *run) {
  char number[12], name[] = "berth-init";
  snprintf(number, sizeof number, "%d", (int)run->init_child);
  char *arguments[] = {name, number, NULL}, *environment[] = {NULL};
  syscall(SYS_execveat, run->init_program, "", arguments, environment, AT_EMPTY_PATH);
  return errno;
}
