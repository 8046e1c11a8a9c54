#include "berth_runtime.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t berth_fork(void) { return fork(); }

uint64_t berth_bounding_set(void) {
  uint64_t bits = 0;
  for (unsigned capability = 0; capability < 64; capability++) {
    int has = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (has < 0) break;
    bits |= (uint64_t)has << capability;
  }
  return bits;
}

int berth_setns(int number, int kind) { return setns(number, kind); }

int berth_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int berth_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

int berth_packet_pair(int pair[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair); }

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

ssize_t berth_send_packet(int socket, const void *bytes, size_t count, int passed) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  union control control;
  if (passed >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control.space;
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t berth_receive_packet(int socket, void *bytes, size_t count, int *passed) {
  struct iovec part = {.iov_base = bytes, .iov_len = count};
  union control control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
  *passed = -1;
  ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
    memcpy(passed, CMSG_DATA(header), sizeof(int));
  return got;
}

int berth_fsopen(const char *type) { return fsopen(type, FSOPEN_CLOEXEC); }

int berth_fsconfig_string(int context, const char *key, const char *value) {
  return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
}

int berth_fsconfig_flag(int context, const char *key) { return fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0); }

int berth_fsconfig_fd(int context, const char *key, int value) { return fsconfig(context, FSCONFIG_SET_FD, key, NULL, value); }

int berth_fsmount(int context, uint32_t attributes) {
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) return -1;
  return fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

int berth_clone_tree(const char *path, int recursive) {
  return open_tree(
    AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | (recursive ? AT_RECURSIVE : 0));
}

int berth_attach_mount(int mount, const char *target) {
  return move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

int berth_unmount_place(const char *target) { return umount2(target, UMOUNT_NOFOLLOW); }

int berth_attach_tree(int mount, const char *path) {
  return move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

int berth_mount_attributes(int mount, uint64_t set) {
  struct mount_attr attributes = {.attr_set = set};
  return mount_setattr(mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

int berth_make_private(int mount) {
  struct mount_attr attributes = {.propagation = MS_PRIVATE};
  return mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
}

int berth_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int berth_unshare_mounts(void) {
  if (unshare(CLONE_NEWNS)) return -1;
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int berth_bpf_load_device_filter(const void *instructions, uint32_t count) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
  return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
}

int berth_bpf_attach_device_filter(int cgroup, int program) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes);
}
