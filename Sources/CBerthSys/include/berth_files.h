// Calls on files that Swift's importer doesn't show: they need _GNU_SOURCE or headers outside the Glibc module.
#ifndef BERTH_FILES_H
#define BERTH_FILES_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int berth_syncfs(int fd);
int berth_begin_writing(int fd, off_t offset, off_t count);
int berth_pipe_cloexec(int ends[2]);
// A non-blocking, close-on-exec eventfd(2), and adding one to it.
int berth_event(void);
int berth_event_signal(int fd);
int berth_fsetxattr(int fd, const char *name, const void *value, size_t size);
int berth_lsetxattr(const char *path, const char *name, const void *value, size_t size);
ssize_t berth_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t berth_flistxattr(int fd, char *list, size_t size);
// Of the entry itself where `path` ends in a symlink.
ssize_t berth_lgetxattr(const char *path, const char *name, void *value, size_t size);
ssize_t berth_llistxattr(const char *path, char *list, size_t size);
// ioctl_ficlone(2): `to` shares the blocks of `from`.
int berth_clone_file(int from, int to);
// copy_file_range(2), at the same offset in both.
ssize_t berth_copy_range(int from, int to, off_t offset, size_t count);
// lseek(2) with SEEK_DATA and SEEK_HOLE.
off_t berth_next_data(int fd, off_t offset);
off_t berth_next_hole(int fd, off_t offset);
// fstatfs(2): the magic number of the file system that holds `fd`.
int64_t berth_file_system(int fd);
// ioctl(2) with FIONREAD: how many bytes a pipe or a terminal has for its reader.
int berth_readable_count(int fd);
// madvise(2) with MADV_POPULATE_WRITE, Linux 5.14: the pages of a mapped file are there and can be written to, or an error says why not.
int berth_reserve_pages(void *start, size_t length);
// madvise(2) with MADV_REMOVE: the file has a hole there.
int berth_remove_pages(void *start, size_t length);
// makedev(3).
dev_t berth_device(unsigned int major, unsigned int minor);

// One store: whoever finds the memory after this process's death finds the value before or the value after, and everything that was stored
// before it.
static inline void berth_store(uint64_t *place, uint64_t value) { __atomic_store_n(place, value, __ATOMIC_SEQ_CST); }

#endif
