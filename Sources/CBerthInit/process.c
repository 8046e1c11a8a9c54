// What belongs to the process itself: signals, limits, ids, capabilities, filter, directory.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// By the system call itself: the C library keeps two signals to itself and refuses to touch them.
int berth_signals(void) {
  struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } standard = {0};
  for (int number = 1; number <= 64; number++) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, number, &standard, NULL, sizeof standard.mask)) return -1;
  }
  uint64_t none = 0;
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

// `root` is a kernel's file system that nobody can have prepared, and is left neither by mount points nor by symlinks.
int berth_file_write(int root, const char *path, const char *text) {
  struct open_how how = {
    .flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  int file = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
  if (file < 0) return -1;
  size_t length = strlen(text);
  ssize_t written = write(file, text, length);
  int error = errno;
  close(file);
  errno = written < 0 ? error : EIO;
  return written == (ssize_t)length ? 0 : -1;
}

int berth_oom_score(int proc, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "%d/oom_score_adj", (int)syscall(SYS_getpid));
  if (!berth_file_write(proc, path, text)) return 0;
  return errno == EACCES || errno == EPERM ? 1 : -1;
}

int berth_rlimit(int resource, uint64_t soft, uint64_t hard) {
  struct rlimit wanted = {.rlim_cur = soft, .rlim_max = hard}, now;
  if (!setrlimit((__rlimit_resource_t)resource, &wanted)) return 0;
  if (errno != EPERM || getrlimit((__rlimit_resource_t)resource, &now)) return -1;
  // Not above what this process has itself: as high as it goes.
  if (wanted.rlim_max > now.rlim_max) wanted.rlim_max = now.rlim_max;
  if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
  if (setrlimit((__rlimit_resource_t)resource, &wanted)) return -1;
  errno = EPERM;
  return 1;
}

int berth_bounding(uint64_t keep) {
  for (unsigned capability = 0; capability < 64; capability++) {
    if (keep >> capability & 1) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) return errno == EINVAL ? 0 : -1;  // EINVAL: above the kernel's last
  }
  return 0;
}

int berth_user(uid_t uid, gid_t gid, const gid_t *groups, size_t count) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) return -1;
  // Where a user namespace denies it, there are none: they were dropped outside.
  if (syscall(SYS_setgroups, count, groups) && (errno != EPERM || count)) return -1;
  if (syscall(SYS_setresgid, gid, gid, gid)) return -1;
  if (syscall(SYS_setresuid, uid, uid, uid)) return -1;
  // A change of ids ends both of these.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) return -1;
  return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

int berth_join(int number, int kinds) {
  if (kinds & CLONE_NEWUSER && syscall(SYS_setgroups, 0, NULL)) return -1;
  return setns(number, kinds);
}

int berth_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
    {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
    {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  return (int)syscall(SYS_capset, &header, data);
}

int berth_ambient(uint64_t set) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return -1;
  for (unsigned capability = 0; capability < 64; capability++)
    if (set >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)) return -1;
  return 0;
}

int berth_chdir(int root, const char *path) {
  char where[4096];
  int directory = berth_resolve(root, path, O_DIRECTORY, 0);
  if (directory < 0) return -1;
  int result = fchdir(directory);
  int error = errno;
  close(directory);
  errno = error;
  if (result) return -1;
  // The C library's getcwd hides what the kernel says of a directory outside the root.
  if (syscall(SYS_getcwd, where, sizeof where) < 0) return -1;
  if (where[0] != '/') return errno = EXDEV, -1;
  return 0;
}

int berth_own_stdio(uid_t uid) {
  struct stat status;
  for (int number = 0; number < 3; number++) {
    if (fstat(number, &status)) return -1;
    if (S_ISFIFO(status.st_mode) && status.st_uid != uid && fchown(number, uid, (gid_t)-1) && errno != EPERM) return -1;
  }
  return 0;
}
