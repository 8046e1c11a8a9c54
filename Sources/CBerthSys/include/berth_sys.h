// One function per system call or ioctl that glibc lacks or that Swift cannot import. Each returns -1 and sets errno, as the kernel's own wrappers do.
#ifndef BERTH_SYS_H
#define BERTH_SYS_H
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

// openat2(2); `resolve` takes RESOLVE_* flags.
int berth_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

#define BERTH_RESOLVE_NO_XDEV 0x01
#define BERTH_RESOLVE_NO_MAGICLINKS 0x02
#define BERTH_RESOLVE_NO_SYMLINKS 0x04
#define BERTH_RESOLVE_BENEATH 0x08
#define BERTH_RESOLVE_IN_ROOT 0x10

// The symbolic name and the C library's words for an error number, static; NULL for an unknown number.
const char *berth_errno_name(int number);
const char *berth_errno_text(int number);

// pthread_setname_np(3): 15 bytes at most. Returns an error number, 0 for success.
int berth_thread_name(pthread_t thread, const char *name);

// Whether something keeps the wall clock right, by adjtimex(2): 1 or 0.
int berth_clock_is_synchronized(void);

// eventfd(2), counting from 0, close-on-exec and non-blocking.
int berth_eventfd(void);

// mallopt(3) with M_ARENA_MAX: how many heaps the threads of this process share.
void berth_limit_arenas(int count);

// malloc_trim(3): free pages of all heaps go back to the kernel.
void berth_trim_heaps(void);

// madvise(2) with MADV_DONTNEED.
int berth_forget_pages(uintptr_t start, uintptr_t length);

// inotify_init1(2), close-on-exec.
int berth_inotify_init(void);
// Watches a directory for files that are written, come, go or are renamed, and for its own end. Returns a watch descriptor.
int berth_inotify_add_changes(int fd, const char *directory);
#define BERTH_IN_IGNORED 0x8000

#include "berth_enclosure.h"
#include "berth_runtime.h"

#endif
