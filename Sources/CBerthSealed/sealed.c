// The program of a process inside a container can be reached from there, by /proc/PID/exe or by a command that leads to /proc/self/exe:
// whoever is root in the container could write to it once it ends. So the program is executed anew through a mount of its own that is
// read-only and attached nowhere, where nobody can change that.
//
// This is the program's entry point, before the C library's own start: that asks the processor for the sizes of its caches, which takes
// half a millisecond in a virtual machine and would be paid twice. So nothing of the library is there: no errno, no thread-local
// storage, no function of it.
#include "berth_entry.h"
#include "berth_sealed.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define ST_RDONLY 1
#define AT_FDCWD_ (-100L)

BERTH_ENTRY("berth_start", "berth_execute_sealed");

// Rather a call too many: any word may be an option's value.
static int enters_container(char **argv) {
  for (; *argv; argv++)
    if (berth_is_word(*argv, "create") || berth_is_word(*argv, "run") || berth_is_word(*argv, "exec")) return 1;
  return 0;
}

// What fails here is told by the program itself, which looks whether it is sealed.
__attribute__((used, no_stack_protector)) void berth_execute_sealed(long *stack) {
  static const char self[] = "/proc/self/exe";
  long argc = *stack;
  char **argv = (char **)(stack + 1), **environment = argv + argc + 1;
  if (argc < 2 || !enters_container(argv + 1)) return;
  struct statfs status;
  if (berth_call(SYS_statfs, (long)self, (long)&status, 0, 0, 0) || status.f_flags & ST_RDONLY) return;
  long program = berth_call(SYS_openat, AT_FDCWD_, (long)self, O_PATH | O_CLOEXEC, 0, 0);
  if (program < 0) return;
  long copy = berth_call(SYS_open_tree, program, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);
  berth_call(SYS_close, program, 0, 0, 0, 0);
  if (copy < 0) return;
  // Member by member: the compiler would call the library for the whole.
  volatile struct mount_attr attributes;
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  attributes.attr_clr = 0;
  attributes.propagation = 1 << 18;  // MS_PRIVATE
  attributes.userns_fd = 0;
  if (!berth_call(SYS_mount_setattr, copy, (long)"", AT_EMPTY_PATH, (long)&attributes, sizeof attributes))
    berth_call(SYS_execveat, copy, (long)"", (long)argv, (long)environment, AT_EMPTY_PATH);
  berth_call(SYS_close, copy, 0, 0, 0, 0);
}
