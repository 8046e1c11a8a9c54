// The floor of starting a container: what the kernel takes, with nothing of a runtime's own. clone3 into namespaces, one cgroup in every
// hierarchy, an overlay, pivot_root, exec; no manifest, no image, no record, no seccomp filter.
//   floor ROOTFS WORK HOST_DIR CGROUP_NAME COMMAND…     HOST_DIR appears as /bench in the container
// Leaves the container running and prints its pid; the caller kills it and removes cgroups named CGROUP_NAME.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void write_file(const char *directory, const char *name, const char *text) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) fail(path);
  close(file);
}

// cpuset cgroups of v1 begin empty and take no process until they have CPUs and memory nodes.
static void inherit(const char *parent, const char *group, const char *name) {
  char path[4096], text[256] = "";
  snprintf(path, sizeof path, "%s/%s", parent, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length > 0) write_file(group, name, text);
}

// Makes a cgroup in every hierarchy and puts the process into each.
static void attach(pid_t pid, const char *name) {
  FILE *mounts = setmntent("/proc/self/mounts", "re");
  char number[32];
  snprintf(number, sizeof number, "%d", pid);
  for (struct mntent *entry; mounts != NULL && (entry = getmntent(mounts)) != NULL;) {
    if (strcmp(entry->mnt_type, "cgroup") != 0 && strcmp(entry->mnt_type, "cgroup2") != 0) continue;
    char group[4096];
    snprintf(group, sizeof group, "%s/%s", entry->mnt_dir, name);
    if (mkdir(group, 0755) != 0) fail(group);
    inherit(entry->mnt_dir, group, "cpuset.cpus");
    inherit(entry->mnt_dir, group, "cpuset.mems");
    write_file(group, "cgroup.procs", number);
  }
  if (mounts != NULL) endmntent(mounts);
}

static void container(char **arguments, int gate) {
  const char *rootfs = arguments[1], *work = arguments[2], *host = arguments[3];
  char root[2048], options[8192], bench[4096];
  snprintf(root, sizeof root, "%s/root", work);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", rootfs, work, work);
  snprintf(bench, sizeof bench, "%s/bench", root);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("private mounts");
  if (mount("overlay", root, "overlay", 0, options) != 0) fail("overlay");
  if (mkdir(bench, 0755) != 0 && errno != EEXIST) fail(bench);
  if (mount(host, bench, NULL, MS_BIND, NULL) != 0) fail(bench);
  if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) fail("pivot_root");
  char byte;
  if (read(gate, &byte, 1) != 1) exit(1);
  execv(arguments[5], arguments + 5);
  fail(arguments[5]);
}

int main(int count, char **arguments) {
  if (count < 6) {
    fprintf(stderr, "usage: floor ROOTFS WORK HOST_DIR CGROUP_NAME COMMAND...\n");
    return 64;
  }
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) fail("pipe");
  struct clone_args how = {
      .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
      .exit_signal = SIGCHLD,
  };
  pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
  if (pid < 0) fail("clone3");
  if (pid == 0) container(arguments, gate[0]);
  attach(pid, arguments[4]);
  if (write(gate[1], "g", 1) != 1) fail("gate");
  fprintf(stderr, "%d\n", pid);
  return 0;
}
