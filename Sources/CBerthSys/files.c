#include "berth_files.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <sys/statfs.h>

int berth_syncfs(int fd) { return syncfs(fd); }
int berth_begin_writing(int fd, off_t offset, off_t count) { return sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE); }
int berth_pipe_cloexec(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int berth_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
int berth_event_signal(int fd) { return eventfd_write(fd, 1); }
int berth_fsetxattr(int fd, const char *name, const void *value, size_t size) { return fsetxattr(fd, name, value, size, 0); }
int berth_lsetxattr(const char *path, const char *name, const void *value, size_t size) { return lsetxattr(path, name, value, size, 0); }
ssize_t berth_fgetxattr(int fd, const char *name, void *value, size_t size) { return fgetxattr(fd, name, value, size); }
ssize_t berth_flistxattr(int fd, char *list, size_t size) { return flistxattr(fd, list, size); }
ssize_t berth_lgetxattr(const char *path, const char *name, void *value, size_t size) { return lgetxattr(path, name, value, size); }
ssize_t berth_llistxattr(const char *path, char *list, size_t size) { return llistxattr(path, list, size); }
int berth_clone_file(int from, int to) { return ioctl(to, FICLONE, from); }
off_t berth_next_data(int fd, off_t offset) { return lseek(fd, offset, SEEK_DATA); }
off_t berth_next_hole(int fd, off_t offset) { return lseek(fd, offset, SEEK_HOLE); }

ssize_t berth_copy_range(int from, int to, off_t offset, size_t count) {
  off_t other = offset;
  return copy_file_range(from, &offset, to, &other, count, 0);
}

int berth_readable_count(int fd) {
  int count = 0;
  return ioctl(fd, FIONREAD, &count) ? -1 : count;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int berth_reserve_pages(void *start, size_t length) { return madvise(start, length, MADV_POPULATE_WRITE); }

int berth_remove_pages(void *start, size_t length) { return madvise(start, length, MADV_REMOVE); }

dev_t berth_device(unsigned int major, unsigned int minor) { return makedev(major, minor); }

int64_t berth_file_system(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) != 0 ? -1 : (int64_t)(uint32_t)status.f_type;
}
