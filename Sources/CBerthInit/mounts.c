// Mounts are made detached, changed while nobody sees them, and attached to descriptors.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int keep_errno_closing(int number, int result) {
  int error = errno;
  close(number);
  errno = error;
  return result;
}

static int clone_tree(int number, int recursive) {
  return open_tree(number, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
}

int berth_tree(const char *path, const char *below, int recursive) {
  int source = open(path, O_PATH | O_CLOEXEC);
  if (source < 0) return -1;
  if (*below) {
    int inner = berth_resolve(source, below, 0, 0);
    keep_errno_closing(source, 0);
    if (inner < 0) return -1;
    source = inner;
  }
  return keep_errno_closing(source, clone_tree(source, recursive));
}

int berth_own_program(void) {
  int copy = berth_tree("/proc/self/exe", "", 0);
  if (copy < 0 || !berth_attributes(copy, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_PRIVATE, 0)) return copy;
  return keep_errno_closing(copy, -1);
}

int berth_attributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation, int recursive) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes);
}

int berth_fs_mount(int context, uint64_t attributes) {
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) return -1;
  return fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
}

int berth_attach(int mount, int target) {
  return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int berth_null_device(const char *path) {
  struct stat status;
  int number = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0 || fstat(number, &status)) return -1;
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return number;
  errno = ENODEV;
  return keep_errno_closing(number, -1);
}

static int cover(int source, int target) {
  int copy = clone_tree(source, 0);
  if (copy < 0) return -1;
  if (berth_attributes(copy, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE, 0))
    return keep_errno_closing(copy, -1);
  return keep_errno_closing(copy, berth_attach(copy, target));
}

int berth_mask(struct berth_run *run, int root, const char *path, int null_device, int empty) {
  struct stat status;
  int target = berth_resolve(root, path, 0, 0);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  if (fstat(target, &status)) return keep_errno_closing(target, -1);
  if (!S_ISDIR(status.st_mode)) return keep_errno_closing(target, cover(null_device, target));
  // Only an attached mount can be copied, on kernels before 6.15: the first directory gets the mount itself.
  int result = run->empty_attached ? cover(empty, target) : berth_attach(empty, target);
  if (!result) run->empty_attached = 1;
  return keep_errno_closing(target, result);
}

int berth_read_only(int root, const char *path) {
  int target = berth_resolve(root, path, 0, 0);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  int copy = clone_tree(target, 1);
  if (copy < 0) return keep_errno_closing(target, -1);
  int result = berth_attributes(copy, MOUNT_ATTR_RDONLY, 0, 0, 1);
  if (!result) result = berth_attach(copy, target);
  keep_errno_closing(copy, 0);
  return keep_errno_closing(target, result);
}

int berth_pivot(int root) {
  if (fchdir(root)) return -1;
  if (syscall(SYS_pivot_root, ".", ".")) return -1;
  // The old root now lies on top of the new one at "/": detached, nothing of the host can be reached any more.
  if (umount2(".", MNT_DETACH)) return -1;
  return chdir("/");
}
