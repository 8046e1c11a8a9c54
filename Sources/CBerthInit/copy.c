// Copies what a mount is going to cover into it. The source is the image's: every step is by descriptor, no symlink is followed, and
// how deep it goes is bounded. Devices, FIFOs and sockets stay behind.
#include "internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAXIMUM_DEPTH = 64 };

struct entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

static int closing(int number, int result) {
  int error = errno;
  close(number);
  errno = error;
  return result;
}

static int same_owner(int to, const struct stat *status) {
  return fchown(to, status->st_uid, status->st_gid) || fchmod(to, status->st_mode & 07777) ? -1 : 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *expected) {
  struct stat status;
  int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (source < 0) return -1;
  if (fstat(source, &status)) return closing(source, -1);
  if (!S_ISREG(status.st_mode) || status.st_ino != expected->st_ino) return errno = EAGAIN, closing(source, -1);
  int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (target < 0) return closing(source, -1);
  ssize_t count;
  do count = sendfile(target, source, NULL, 1 << 20);
  while (count > 0 || (count < 0 && errno == EINTR));
  int result = count < 0 ? -1 : same_owner(target, &status);
  return closing(source, closing(target, result));
}

static int copy_link(int from, int to, const char *name, const struct stat *status) {
  char target[4096];
  ssize_t length = readlinkat(from, name, target, sizeof target);
  if (length < 0) return -1;
  if (length == sizeof target) return errno = ENAMETOOLONG, -1;
  target[length] = 0;
  return symlinkat(target, to, name) ? -1 : fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_directory(int from, int to, int depth);

static int copy_entry(int from, int to, const char *name, int depth) {
  struct stat status;
  if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW)) return -1;
  if (S_ISREG(status.st_mode)) return copy_file(from, to, name, &status);
  if (S_ISLNK(status.st_mode)) return copy_link(from, to, name, &status);
  if (!S_ISDIR(status.st_mode)) return 0;
  if (depth == MAXIMUM_DEPTH) return errno = ELOOP, -1;
  if (mkdirat(to, name, 0700)) return -1;
  int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return -1;
  int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return closing(source, -1);
  int result = copy_directory(source, target, depth + 1);
  if (!result) result = same_owner(target, &status);
  return closing(source, closing(target, result));
}

static int copy_directory(int from, int to, int depth) {
  union { struct entry align; char bytes[4096]; } block;
  for (;;) {
    long got = syscall(SYS_getdents64, from, block.bytes, sizeof block.bytes);
    if (got <= 0) return got < 0 ? -1 : 0;
    for (long at = 0; at < got;) {
      const struct entry *entry = (const void *)(block.bytes + at);
      at += entry->length;
      if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
      if (copy_entry(from, to, entry->name, depth)) return -1;
    }
  }
}

int berth_copy_up(int from, int to, uint32_t flags) {
  struct stat status;
  int source = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (source < 0) return -1;
  int target = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return closing(source, -1);
  int result = fstat(source, &status) ? -1 : copy_directory(source, target, 0);
  // The owner first: changing it takes set-id bits away.
  if (!result && !(flags & BERTH_KEEP_OWNER)) result = fchown(target, status.st_uid, status.st_gid);
  if (!result && !(flags & BERTH_KEEP_MODE)) result = fchmod(target, status.st_mode & 07777);
  return closing(source, closing(target, result));
}
