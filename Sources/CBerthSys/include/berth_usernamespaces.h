// User namespaces from outside. As in berth_sys.h, each returns -1 and sets errno on failure.
#ifndef BERTH_USERNAMESPACES_H
#define BERTH_USERNAMESPACES_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A child in a new user namespace, with others of `kinds` (CLONE_NEW*) that belong to it, that does nothing and dies with this process; kill and reap it. For processes with one thread.
pid_t berth_user_namespace_holder(uint64_t kinds);

// Reads the uid_map (or gid_map) of an open user namespace into `text`; the count of bytes. For processes with one thread.
ssize_t berth_read_id_map(int user_namespace, int of_groups, char *text, size_t size);

// mount_setattr(2) with MOUNT_ATTR_IDMAP (Linux 5.12): the detached mount shows its files with the ids of an open user namespace.
int berth_map_mount(int mount, int user_namespace, int recursive);

// prlimit(2): the hard limit of another process, never lowered; the soft one stays.
int berth_raise_hard_limit(pid_t pid, int resource, uint64_t hard);

#endif
