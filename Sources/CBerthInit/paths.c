// Paths below a hostile root: the kernel resolves them inside it, and what is made is made through descriptors of directories.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static int open_how(int root, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  // A rename anywhere in the tree makes a walk fail with EAGAIN.
  for (int attempt = 0; attempt < 128; attempt++) {
    int number = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (number >= 0 || errno != EAGAIN) return number;
  }
  return -1;
}

int berth_resolve(int root, const char *path, uint64_t flags, uint64_t resolve) {
  return open_how(root, path, flags | O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
}

static int close_keeping_errno(int number) {
  int error = errno;
  close(number);
  errno = error;
  return -1;
}

// The child of `parent` of exactly this name, which is no symlink.
static int step_down(int parent, const char *name, uint64_t flags) {
  return open_how(parent, name, flags | O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

// The directory above the last component of `path`, whose length goes to `done`; where that isn't there either, the root.
static int nearest(int root, const char *path, char *prefix, size_t *done, uint64_t resolve) {
  const char *slash = strrchr(path, '/');
  *done = slash ? (size_t)(slash - path) : 0;
  memcpy(prefix, path, *done);
  prefix[*done] = 0;
  int above = *done ? berth_resolve(root, prefix, O_DIRECTORY, resolve) : -1;
  if (above >= 0 || (*done && errno != ENOENT)) return above;
  *done = 0;
  return berth_resolve(root, ".", O_DIRECTORY, 0);
}

// Walks `path` (its last component included) and makes the directories that are missing: most often the last alone.
static int walk(int root, const char *path, mode_t mode, uint64_t resolve) {
  char prefix[4096];
  size_t length = strlen(path), at;
  if (length >= sizeof prefix) return errno = ENAMETOOLONG, -1;
  int current = nearest(root, path, prefix, &at, resolve);
  while (at < length && current >= 0) {
    while (path[at] == '/') at++;
    size_t end = at;
    while (path[end] && path[end] != '/') end++;
    if (end == at) break;
    memcpy(prefix, path, end);
    prefix[end] = 0;
    int next = berth_resolve(root, prefix, O_DIRECTORY, resolve);
    if (next < 0 && errno == ENOENT) {
      if (mkdirat(current, prefix + at, mode) && errno != EEXIST) return close_keeping_errno(current);
      next = step_down(current, prefix + at, O_DIRECTORY);
    }
    if (next < 0) return close_keeping_errno(current);
    close(current);
    current = next;
    at = end;
  }
  return current;
}

static int outside_proc(int number, uint32_t flags) {
  struct statfs status;
  if (number < 0 || !(flags & BERTH_NO_PROC)) return number;
  if (fstatfs(number, &status)) return close_keeping_errno(number);
  if (status.f_type == PROC_SUPER_MAGIC) {
    errno = EPERM;
    return close_keeping_errno(number);
  }
  return number;
}

int berth_resolve_directory(int root, const char *path, uint32_t flags, mode_t mode) {
  uint64_t resolve = flags & BERTH_NO_SYMLINKS ? RESOLVE_NO_SYMLINKS : 0;
  int number = berth_resolve(root, path, O_DIRECTORY, resolve);
  if (number < 0 && errno == ENOENT && (flags & BERTH_CREATE)) number = walk(root, path, mode, resolve);
  return outside_proc(number, flags);
}

// The directory above `path`, made where it is missing; `name` is what is left.
static int parent_of(int root, const char *path, const char **name) {
  char above[4096];
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length >= sizeof above) return errno = ENAMETOOLONG, -1;
  if (!**name) return errno = EINVAL, -1;
  memcpy(above, path, length);
  above[length] = 0;
  return berth_resolve_directory(root, length ? above : ".", BERTH_CREATE, 0755);
}

int berth_resolve_target(int root, const char *path, int like, uint32_t flags, mode_t mode) {
  struct stat status;
  if (fstat(like, &status)) return -1;
  if (S_ISDIR(status.st_mode)) return berth_resolve_directory(root, path, flags, mode);
  uint64_t resolve = flags & BERTH_NO_SYMLINKS ? RESOLVE_NO_SYMLINKS : 0;
  int number = berth_resolve(root, path, 0, resolve);
  if (number >= 0 || errno != ENOENT || !(flags & BERTH_CREATE)) return outside_proc(number, flags);
  const char *name;
  int parent = outside_proc(parent_of(root, path, &name), flags);
  if (parent < 0) return -1;
  int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (made < 0) return close_keeping_errno(parent);
  close(made);
  number = step_down(parent, name, 0);
  close_keeping_errno(parent);
  return number;
}

// Whether `name` in `parent` is this very node already.
static int is_node(int parent, const char *name, mode_t mode, dev_t device) {
  struct stat status;
  if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW)) return -1;
  int same = (status.st_mode & S_IFMT) == (mode & S_IFMT) && (S_ISFIFO(mode) || status.st_rdev == device);
  if (!same) errno = EEXIST;
  return same ? 0 : -1;
}

int berth_make_node(int root, const char *path, mode_t mode, dev_t device, uid_t uid, gid_t gid) {
  const char *name;
  int parent = parent_of(root, path, &name);
  if (parent < 0) return -1;
  int result = mknodat(parent, name, mode, device);
  if (result && errno == EEXIST) result = is_node(parent, name, mode, device);
  if (!result && (uid || gid)) result = fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  close_keeping_errno(parent);
  return result;
}

int berth_make_link(int root, const char *path, const char *target) {
  const char *name;
  int parent = parent_of(root, path, &name);
  if (parent < 0) return -1;
  int result = symlinkat(target, parent, name);
  if (result && errno == EEXIST) result = 0;
  close_keeping_errno(parent);
  return result;
}
