#include "berth_usernamespaces.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t berth_user_namespace_holder(uint64_t kinds) {
  struct clone_args arguments = {.flags = CLONE_NEWUSER | kinds, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (;;) pause();
}

struct reader {
  int user_namespace;
  const char *file;
  char *text;
  size_t size;
  ssize_t count;
  int error;
};

static int read_inside(void *argument) {
  struct reader *reader = argument;
  reader->count = -1;
  // Opened inside, the map is that onto the namespace around it.
  int file = setns(reader->user_namespace, CLONE_NEWUSER) ? -1 : open(reader->file, O_RDONLY | O_CLOEXEC);
  if (file >= 0) reader->count = read(file, reader->text, reader->size);
  reader->error = errno;
  return 0;
}

ssize_t berth_read_id_map(int user_namespace, int of_groups, char *text, size_t size) {
  struct reader reader = {
    .user_namespace = user_namespace, .file = of_groups ? "/proc/self/gid_map" : "/proc/self/uid_map", .text = text, .size = size};
  _Alignas(16) char stack[32 << 10];
  pid_t pid = clone(read_inside, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &reader);
  if (pid < 0) return -1;
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  errno = reader.error;
  return reader.count;
}

int berth_map_mount(int mount, int user_namespace, int recursive) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
  return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes);
}

int berth_raise_hard_limit(pid_t pid, int resource, uint64_t hard) {
  struct rlimit now;
  if (prlimit(pid, (__rlimit_resource_t)resource, NULL, &now)) return -1;
  if (now.rlim_max >= hard) return 0;
  now.rlim_max = hard;
  return prlimit(pid, (__rlimit_resource_t)resource, &now, NULL);
}
