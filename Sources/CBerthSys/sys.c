#include "berth_sys.h"
#include <malloc.h>
#include <sys/mman.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

int berth_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = flags;
  how.mode = mode;
  how.resolve = resolve;
  return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

const char *berth_errno_name(int number) { return strerrorname_np(number); }

const char *berth_errno_text(int number) { return strerrordesc_np(number); }

int berth_thread_name(pthread_t thread, const char *name) { return pthread_setname_np(thread, name); }

int berth_clock_is_synchronized(void) {
  struct timex state = {0};
  int result = adjtimex(&state);
  return result >= 0 && result != TIME_ERROR && !(state.status & STA_UNSYNC);
}

int berth_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int berth_inotify_init(void) { return inotify_init1(IN_CLOEXEC); }

int berth_inotify_add_changes(int fd, const char *directory) {
  return inotify_add_watch(fd, directory, IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR);
}

void berth_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

void berth_trim_heaps(void) { malloc_trim(0); }

int berth_forget_pages(uintptr_t start, uintptr_t length) { return madvise((void *)start, length, MADV_DONTNEED); }
