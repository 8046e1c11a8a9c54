// The program of a process inside a container can be reached from there, by /proc/PID/exe or by a command that leads to /proc/self/exe:
// whoever is root in the container could write to it once it ends. So the program is executed anew through a mount of its own that is
// read-only and attached nowhere, where nobody can change that.
#include "berth_terminal.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int berth_execute_sealed(char *const argv[]) {
  struct statvfs status;
  if (statvfs("/proc/self/exe", &status)) return -1;
  if (status.f_flag & ST_RDONLY) return 0;
  int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  if (program < 0) return -1;
  int copy = open_tree(program, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  close(program);
  if (copy < 0) return -1;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};
  if (!mount_setattr(copy, "", AT_EMPTY_PATH, &attributes, sizeof attributes))
    syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
  return -1;
}
