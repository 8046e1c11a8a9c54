// A container's init: executed as "berth-init PID" it reaps whatever is orphaned, passes its signals on to process PID, which is its
// child, and ends as that one does. With PID 0 it has none and reaps until it is killed: it keeps a PID namespace that several
// containers share.
//
// It is executed from within a container by a descriptor (BERTH_OP_SPLIT), so the image needs to hold nothing. It runs before the C
// library's own start and never gets to it, so that next to nothing of a program of megabytes is touched. Every signal is blocked when it
// begins, so that none is lost that came before.
#include "berth_entry.h"
#include "berth_reaper.h"
#include <linux/prctl.h>
#include <linux/wait.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { INTERRUPTED = -4, CHILD_ENDED = 17, BACKGROUND_READ = 21, BACKGROUND_WRITE = 22, SIGNAL_SET_SIZE = 8 };

BERTH_ENTRY("berth_start_or_reap", "berth_reap_if_asked");

// -1 for what is no number.
static long number(const char *text) {
  long value = 0;
  if (!*text) return -1;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || value > INT32_MAX / 10) return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

_Noreturn static void leave(int status) {
  for (;;) berth_call(SYS_exit_group, status, 0, 0, 0, 0);
}

// Ends with `child`, as a shell counts: 128 + n after signal n.
static void reap(long child) {
  for (;;) {
    int status;
    long ended = berth_call(SYS_wait4, -1, (long)&status, WNOHANG | __WALL, 0, 0);
    if (ended == INTERRUPTED) continue;
    if (ended <= 0) return;
    if (ended == child) leave(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
  }
}

_Noreturn static void serve(long child) {
  // Without a PID namespace of its own orphans would go past it.
  berth_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  berth_call(SYS_prctl, PR_SET_NAME, (long)"berth-init", 0, 0, 0);
  berth_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  uint64_t every = ~0ull;
  for (;;) {
    // First: the child may have ended before this program began.
    reap(child);
    long signal = berth_call(SYS_rt_sigtimedwait, (long)&every, 0, 0, SIGNAL_SET_SIZE, 0);
    if (signal <= 0 || signal == CHILD_ENDED || signal == BACKGROUND_READ || signal == BACKGROUND_WRITE) continue;
    if (child) berth_call(SYS_kill, child, signal, 0, 0, 0);
  }
}

__attribute__((used, no_stack_protector)) void berth_reap_if_asked(long *stack) {
  char **argv = (char **)(stack + 1);
  if (stack[0] != 2 || !berth_is_word(argv[0], "berth-init")) return;
  long child = number(argv[1]);
  if (child >= 0) serve(child);
}
