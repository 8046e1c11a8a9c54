// A process that is shut in: namespaces of its own, a root with a few places of the old one, and a filter of system calls.
#ifndef BERTH_ENCLOSURE_H
#define BERTH_ENCLOSURE_H
#include <stddef.h>

// A place of the old root that the new one has, under the same path. One that doesn't exist is left out.
struct berth_place {
  const char *path;
  int writable;
};

// Starts a program as the first process of a PID, mount, IPC and UTS namespace, and without `network` of an empty network namespace.
// Descriptors 0 to `count` - 1 are copies of `descriptors`, which are `count` or above; all others must close on exec. Signals are as
// after posix_spawn with all of them reset. The process's number, or -1 and what clone or exec failed with. The caller reaps it.
int berth_spawn_apart(const char *path, char *const argv[], char *const envp[], const int *descriptors, int count, int network);

// In such a process: makes a root of `places`, the shorter paths first, and a /proc of its own, and leaves the old one. `data` is the
// limit of memory in bytes, `files` of descriptors. EPERM for any other process.
int berth_enclosure_enter(const struct berth_place *places, size_t count, unsigned long data, unsigned long files);

// From now on only the system calls of downloading and unpacking. Those that nothing but an intruder would make kill the process; all
// others fail with ENOSYS. Without `network` there are no sockets.
int berth_enclosure_filter(int network);

#endif
