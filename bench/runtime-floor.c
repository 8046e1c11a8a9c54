// What the kernel takes for `run` and `exec` of an OCI runtime: the same namespaces, cgroups, mounts and devices by plain calls, in a
// static program. No config.json, no state, no capability, no filter, nothing masked, nothing checked.
//   runtime-floor run ROOTFS GROUP COMMAND     runs it, waits, removes the cgroups
//   runtime-floor exec PID GROUP COMMAND       runs it in the namespaces and cgroups of PID, waits
#define _GNU_SOURCE
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
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static char groups[32][512], controllers[32][128];
static int group_count;

static void find_groups(const char *name) {
  FILE *mounts = setmntent("/proc/self/mounts", "re");
  for (struct mntent *entry; mounts && (entry = getmntent(mounts)) && group_count < 32;) {
    if (strcmp(entry->mnt_type, "cgroup") && strcmp(entry->mnt_type, "cgroup2")) continue;
    if (strstr(entry->mnt_opts, "name=")) continue;
    snprintf(controllers[group_count], sizeof controllers[0], "%s", strrchr(entry->mnt_dir, '/') + 1);
    snprintf(groups[group_count++], sizeof groups[0], "%s/%s", entry->mnt_dir, name);
  }
  if (mounts) endmntent(mounts);
}

static int write_file(const char *directory, const char *name, const char *text) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t written = write(file, text, strlen(text));
  close(file);
  return written < 0 ? -1 : 0;
}

static void inherit(const char *group, const char *name) {
  char path[1024], text[256] = "";
  snprintf(path, sizeof path, "%s/../%s", group, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  if (read(file, text, sizeof text - 1) > 0) write_file(group, name, text);
  close(file);
}

static void attach(pid_t pid) {
  char number[32];
  snprintf(number, sizeof number, "%d", pid);
  for (int at = 0; at < group_count; at++)
    if (write_file(groups[at], "cgroup.procs", number)) fail(groups[at]);
}

static void make_groups(void) {
  static const char *const rules[] = {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm",
    "c 5:2 rwm", "c 136:* rwm"};
  for (int at = 0; at < group_count; at++) {
    if (mkdir(groups[at], 0755)) fail(groups[at]);
    if (!strcmp(controllers[at], "cpuset")) inherit(groups[at], "cpuset.cpus"), inherit(groups[at], "cpuset.mems");
    if (strcmp(controllers[at], "devices")) continue;
    write_file(groups[at], "devices.deny", "a");
    for (unsigned rule = 0; rule < sizeof rules / sizeof *rules; rule++) write_file(groups[at], "devices.allow", rules[rule]);
  }
}

static void mount_at(const char *type, const char *below, unsigned long flags, const char *options) {
  mkdir(below, 0755);
  if (mount(type, below, type, flags, options)) fail(below);
}

static void container(const char *root, char **command, int gate) {
  char byte;
  unsigned long usual = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(root, root, NULL, MS_BIND | MS_REC, NULL) || chdir(root)) fail(root);
  mount_at("proc", "proc", usual, NULL);
  mount_at("tmpfs", "dev", MS_NOSUID, "mode=755,size=65536k");
  mount_at("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
  mount_at("tmpfs", "dev/shm", usual, "mode=1777,size=65536k");
  mount_at("mqueue", "dev/mqueue", usual, NULL);
  mount_at("sysfs", "sys", usual | MS_RDONLY, NULL);
  static const struct { const char *name; int major, minor; } nodes[] = {
    {"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7}, {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  for (unsigned at = 0; at < sizeof nodes / sizeof *nodes; at++) mknod(nodes[at].name, S_IFCHR | 0666, makedev(nodes[at].major, nodes[at].minor));
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/")) fail("pivot_root");
  if (read(gate, &byte, 1) != 1) exit(1);
  if (unshare(CLONE_NEWCGROUP)) fail("cgroup namespace");
  mount_at("tmpfs", "/sys/fs/cgroup", usual, "mode=755");
  for (int at = 0; at < group_count; at++) {
    char place[512];
    snprintf(place, sizeof place, "/sys/fs/cgroup/%s", controllers[at]);
    mkdir(place, 0755);
    if (mount("cgroup", place, "cgroup", usual | MS_RDONLY, controllers[at])) fail(place);
  }
  execv(command[0], command);
  fail(command[0]);
}

static int ended(pid_t pid) {
  int status;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run(const char *root, char **command) {
  int gate[2];
  struct clone_args how = {
    .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET, .exit_signal = SIGCHLD};
  if (pipe2(gate, O_CLOEXEC)) fail("pipe");
  pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
  if (pid < 0) fail("clone3");
  if (pid == 0) container(root, command, gate[0]);
  make_groups();
  attach(pid);
  if (write(gate[1], "g", 1) != 1) fail("gate");
  int code = ended(pid);
  for (int at = 0; at < group_count; at++) rmdir(groups[at]);
  return code;
}

static int execute(pid_t member, char **command) {
  int gate[2], pidfd = (int)syscall(SYS_pidfd_open, member, 0);
  char byte;
  if (pidfd < 0 || pipe2(gate, O_CLOEXEC) || setns(pidfd, CLONE_NEWPID)) fail("pid namespace");
  pid_t pid = fork();
  if (pid == 0) {
    if (read(gate[0], &byte, 1) != 1) exit(1);
    if (setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)) fail("namespaces");
    execv(command[0], command);
    fail(command[0]);
  }
  attach(pid);
  if (write(gate[1], "g", 1) != 1) fail("gate");
  return ended(pid);
}

int main(int count, char **arguments) {
  if (count < 5) return 64;
  find_groups(arguments[3]);
  return !strcmp(arguments[1], "run") ? run(arguments[2], arguments + 4) : execute(atoi(arguments[2]), arguments + 4);
}
