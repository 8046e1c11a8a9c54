#include "berth_enclosure.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Whose place the new root takes until it is one: every system has it.
#define STAGE "/proc"

// Makes the directories above `path`, below the stage, and at its end a directory or an empty file.
static int make_point(const char *path, int is_directory) {
  char point[PATH_MAX];
  int length = snprintf(point, sizeof point, STAGE "%s", path);
  if (length < 0 || (size_t)length >= sizeof point) return errno = ENAMETOOLONG, -1;
  for (char *slash = strchr(point + sizeof STAGE, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(point, 0755) != 0 && errno != EEXIST) return -1;
    *slash = '/';
  }
  if (is_directory) return mkdir(point, 0755) != 0 && errno != EEXIST ? -1 : 0;
  int file = open(point, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
  // In a place that is there already and can't be written, the file is there too.
  if (file < 0) return errno == EROFS || errno == EEXIST ? 0 : -1;
  return close(file);
}

// A detached copy of what is at the place; -2 if there is nothing. To be read: with what is mounted below, as a single file of /etc/ssl
// may be. To be written: without, since nothing is mounted in the store that a worker works on.
static int copy_place(const struct berth_place *place) {
  unsigned deep = place->writable ? 0 : AT_RECURSIVE;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, place->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | deep);
  if (tree < 0) return errno == ENOENT || errno == ENOTDIR ? -2 : -1;
  struct mount_attr attributes = {
      .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (place->writable ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_RDONLY),
      .propagation = MS_PRIVATE,
  };
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | deep, &attributes, sizeof attributes) == 0) return tree;
  close(tree);
  return -1;
}

// More than any file that a worker may want to read for name resolution has.
#define COPY_LIMIT (256 << 10)

static int copy_bytes(int from, int to) {
  char buffer[4096];
  size_t total = 0;
  ssize_t count;
  while ((count = read(from, buffer, sizeof buffer)) > 0) {
    if ((total += (size_t)count) > COPY_LIMIT) return errno = EFBIG, -1;
    if (write(to, buffer, (size_t)count) != count) return -1;
  }
  return count < 0 ? -1 : 0;
}

// A file that was removed below its mount, as /etc/hosts in a container whose maker has replaced it, can't be mounted a second time. It
// can be read.
static int copy_file(const char *path, const char *point) {
  int from = open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return -1;
  int to = open(point, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
  int result = to < 0 ? -1 : copy_bytes(from, to);
  int error = errno;
  close(from);
  if (to >= 0) close(to);
  errno = error;
  return result;
}

static int attach_place(const struct berth_place *place, int tree) {
  struct stat status;
  char point[PATH_MAX];
  if (fstat(tree, &status) != 0 || make_point(place->path, S_ISDIR(status.st_mode)) != 0) return -1;
  snprintf(point, sizeof point, STAGE "%s", place->path);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH) == 0) return 0;
  return errno == ENOENT && S_ISREG(status.st_mode) && !place->writable ? copy_file(place->path, point) : -1;
}

static int build_root(const struct berth_place *places, int *trees, size_t count) {
  if (mount("berth-worker", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m") != 0) return -1;
  for (size_t at = 0; at < count; at++) {
    if (trees[at] >= 0 && attach_place(&places[at], trees[at]) != 0) return -1;
  }
  if (mkdir(STAGE "/proc", 0555) != 0 && errno != EEXIST) return -1;
  // What is wanted there is /proc/self/fd. Without /proc/sys, which root may write to without any capability; kernels before 5.8 can't
  // leave it out, but read-only holds everywhere.
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
  if (mount("proc", STAGE "/proc", "proc", flags, "subset=pid") != 0 && mount("proc", STAGE "/proc", "proc", flags, NULL) != 0) return -1;
  if (chdir(STAGE) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  // The old root lies on top of the new one now.
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return -1;
  return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int enter_root(const struct berth_place *places, size_t count) {
  int *trees = calloc(count + 1, sizeof *trees);
  if (trees == NULL) return -1;
  int result = 0;
  for (size_t at = 0; at < count; at++) trees[at] = -2;
  for (size_t at = 0; at < count && result == 0; at++) result = (trees[at] = copy_place(&places[at])) == -1 ? -1 : 0;
  if (result == 0) result = build_root(places, trees, count);
  int error = errno;
  for (size_t at = 0; at < count; at++) {
    if (trees[at] >= 0) close(trees[at]);
  }
  free(trees);
  errno = error;
  return result;
}

static int limit(int resource, unsigned long wanted) {
  struct rlimit value;
  if (getrlimit(resource, &value) != 0) return -1;
  if (value.rlim_max > wanted) value.rlim_max = wanted;
  if (value.rlim_cur > value.rlim_max) value.rlim_cur = value.rlim_max;
  return setrlimit(resource, &value);
}

int berth_enclosure_enter(const struct berth_place *places, size_t count, unsigned long data, unsigned long files) {
  // Nobody else's mounts are touched: only a process that `berth_spawn_apart` started is the first of its namespaces.
  if (getpid() != 1) return errno = EPERM, -1;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  if (enter_root(places, count) != 0) return -1;
  if (sethostname("berth-worker", 12) != 0) return -1;
  return limit(RLIMIT_DATA, data) != 0 || limit(RLIMIT_NOFILE, files) != 0 ? -1 : 0;
}
