#include "berth_namespaces.h"
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int berth_unshare_sandbox(int flags) {
  int kinds = CLONE_NEWNS | CLONE_NEWUTS;
  if (flags & BERTH_UNSHARE_IPC) kinds |= CLONE_NEWIPC;
  if (flags & BERTH_UNSHARE_NETWORK) kinds |= CLONE_NEWNET;
  return unshare(kinds);
}

int berth_set_hostname(const char *name) { return sethostname(name, strlen(name)); }

int berth_make_mounts_slave(void) { return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL); }

int berth_mount_tmpfs(const char *path, int noexec, const char *options) {
  return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | (noexec ? MS_NOEXEC : 0), options);
}

int berth_unmount(const char *path) { return umount2(path, MNT_DETACH); }
