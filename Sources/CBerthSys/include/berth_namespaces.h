// What a pod's shim does to itself before it makes containers.
#ifndef BERTH_NAMESPACES_H
#define BERTH_NAMESPACES_H

#define BERTH_UNSHARE_NETWORK 1
#define BERTH_UNSHARE_IPC 2

// unshare(2) of the calling thread's mount and UTS namespaces, and of those that the flags name.
int berth_unshare_sandbox(int flags);

// sethostname(2) in the UTS namespace.
int berth_set_hostname(const char *name);

// mount(2): no mount event goes from this mount namespace to another any more, those from the outside still come in.
int berth_make_mounts_slave(void);

// mount(2) of a tmpfs, nosuid, nodev and with `noexec` also that; `options` are tmpfs's own.
int berth_mount_tmpfs(const char *path, int noexec, const char *options);

// umount2(2) with MNT_DETACH.
int berth_unmount(const char *path);
#endif
