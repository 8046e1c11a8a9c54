// The program of a process inside a container can be reached from there, by /proc/PID/exe or by a command that leads to /proc/self/exe:
// whoever is root in the container could write to it once it ends. So the program is executed anew through a mount of its own that is
// read-only and attached nowhere, where nobody can change that. Before the language's own start, which would be paid twice.
#include "berth_sealed.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

// Rather a call too many: any word may be an option's value.
static int enters_container(char **argv) {
  for (; *argv; argv++)
    if (!strcmp(*argv, "create") || !strcmp(*argv, "run") || !strcmp(*argv, "exec")) return 1;
  return 0;
}

// What fails here is told by the program itself, which looks whether it is sealed.
__attribute__((constructor(101))) static void execute_sealed(int argc, char **argv, char **environment) {
  struct statvfs status;
  if (argc < 2 || !enters_container(argv + 1)) return;
  if (statvfs("/proc/self/exe", &status) || status.f_flag & ST_RDONLY) return;
  int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  if (program < 0) return;
  int copy = open_tree(program, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  close(program);
  if (copy < 0) return;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};
  if (!mount_setattr(copy, "", AT_EMPTY_PATH, &attributes, sizeof attributes))
    syscall(SYS_execveat, copy, "", argv, environment, AT_EMPTY_PATH);
  close(copy);
}
