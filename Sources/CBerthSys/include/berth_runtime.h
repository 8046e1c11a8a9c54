// System calls for starting and confining processes. As in berth_sys.h, each returns -1 and sets errno on failure.
#ifndef BERTH_RUNTIME_H
#define BERTH_RUNTIME_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// fork(2). For single-threaded processes: the child goes on in whatever language called.
pid_t berth_fork(void);

// The bits of the capabilities that this process and its children can ever have.
uint64_t berth_bounding_set(void);

// Joins the namespace open as `number`, of kind CLONE_NEW* `kind`.
int berth_setns(int number, int kind);

// pidfd_open(2), close-on-exec; pidfd_send_signal(2).
int berth_pidfd_open(pid_t pid);
int berth_pidfd_signal(int pidfd, int signal);

// A pair of connected SOCK_SEQPACKET sockets, close-on-exec.
int berth_packet_pair(int pair[2]);

// One message, with descriptor `passed` where it isn't -1. Receiving sets *passed to a new close-on-exec descriptor or -1.
ssize_t berth_send_packet(int socket, const void *bytes, size_t count, int passed);
ssize_t berth_receive_packet(int socket, void *bytes, size_t count, int *passed);

// The new mount API (Linux 5.2, mount_setattr 5.12), close-on-exec.
int berth_fsopen(const char *type);
int berth_fsconfig_string(int context, const char *key, const char *value);
int berth_fsconfig_flag(int context, const char *key);
int berth_fsconfig_fd(int context, const char *key, int value);
int berth_fsmount(int context, uint32_t attributes);
// A detached copy of the mounts at `path`; AT_RECURSIVE where `recursive`.
int berth_clone_tree(const char *path, int recursive);
// Attaches a detached mount at `target`; a symlink there is not followed.
int berth_attach_mount(int mount, const char *target);
// umount2(2) with UMOUNT_NOFOLLOW.
int berth_unmount_place(const char *target);
// Attaches a detached tree at `path`.
int berth_attach_tree(int mount, const char *path);
// Makes a detached tree private: nothing propagates to or from it.
int berth_make_private(int mount);
// mount_setattr(2) of this one mount: MOUNT_ATTR_… to set.
int berth_mount_attributes(int mount, uint64_t set);

// memfd_create(2), close-on-exec.
int berth_memfd(const char *name);

// A mount namespace of this process's own, from which nothing propagates to the node's.
int berth_unshare_mounts(void);

// A BPF program of kind BPF_PROG_TYPE_CGROUP_DEVICE from `count` instructions of 8 bytes; its attachment to a cgroup v2 directory.
int berth_bpf_load_device_filter(const void *instructions, uint32_t count);
int berth_bpf_attach_device_filter(int cgroup, int program);

#endif
