#include "berth_files.h"
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <sys/statfs.h>

int berth_syncfs(int fd) { return syncfs(fd); }
int berth_pipe_cloexec(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int berth_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
int berth_event_signal(int fd) { return eventfd_write(fd, 1); }
int berth_fsetxattr(int fd, const char *name, const void *value, size_t size) { return fsetxattr(fd, name, value, size, 0); }
int berth_lsetxattr(const char *path, const char *name, const void *value, size_t size) { return lsetxattr(path, name, value, size, 0); }
ssize_t berth_fgetxattr(int fd, const char *name, void *value, size_t size) { return fgetxattr(fd, name, value, size); }
ssize_t berth_flistxattr(int fd, char *list, size_t size) { return flistxattr(fd, list, size); }
dev_t berth_device(unsigned int major, unsigned int minor) { return makedev(major, minor); }

int64_t berth_file_system(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) != 0 ? -1 : (int64_t)(uint32_t)status.f_type;
}
