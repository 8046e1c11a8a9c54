// What the interpreter's files share. Nothing here is called before clone or after exec.
#ifndef BERTH_INIT_INTERNAL_H
#define BERTH_INIT_INTERNAL_H
#include "berth_init.h"

struct berth_run {
  char *plan;
  int report;
  uint32_t step;
  const pid_t *self;  // this process's pid as its maker counts
  int slots[BERTH_PLAN_SLOTS];
  int directory_set;   // whether the working directory is the one asked for
  int init_program;    // the descriptor of what this process becomes as an init, or -1
  pid_t init_child;    // whose init it is then, or 0
  int empty_attached;  // whether the empty mount that covers directories is in place once already
};

// init.c. Performs a checked plan; never returns.
_Noreturn void berth_perform(void *plan, int report, const pid_t *self);

// paths.c. Each returns a close-on-exec O_PATH descriptor, or -1 and errno.
int berth_resolve(int root, const char *path, uint64_t flags, uint64_t resolve);
int berth_resolve_directory(int root, const char *path, uint32_t flags, mode_t mode);
int berth_resolve_target(int root, const char *path, int like, uint32_t flags, mode_t mode);
int berth_make_node(int root, const char *path, mode_t mode, dev_t device, uid_t uid, gid_t gid);
int berth_make_link(int root, const char *path, const char *target);

// mounts.c. Each returns 0, or -1 and errno.
int berth_attributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation, int recursive);
int berth_fs_mount(int context, uint64_t attributes);
int berth_attach(int mount, int target);
int berth_mask(struct berth_run *run, int root, const char *path, int null_device, int empty);
int berth_read_only(int root, const char *path);
int berth_pivot(int root);
int berth_null_device(const char *path);

// process.c. Each returns 0, or -1 and errno; 1 where the step was done by halves for errno.
int berth_signals(void);
int berth_file_write(int root, const char *path, const char *text);
int berth_oom_score(int proc, const char *text);
int berth_rlimit(int resource, uint64_t soft, uint64_t hard);
int berth_bounding(uint64_t keep);
int berth_user(uid_t uid, gid_t gid, const gid_t *groups, size_t count);
int berth_join(int number, int kinds);  // setns(2), without groups in a user namespace
int berth_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int berth_ambient(uint64_t set);
int berth_chdir(int root, const char *path);
int berth_own_stdio(uid_t uid);

// split.c. As process.c's; returns in both processes.
int berth_split(struct berth_run *run, const struct berth_step *step);
// Becomes the init; returns an error number where it can't.
int berth_become_init(const struct berth_run *run);

// seccomp.c. As process.c's.
int berth_seccomp(void *filter, size_t bytes, unsigned flags);
int berth_seccomp_listen(void *filter, size_t bytes, unsigned flags, int socket, char *text, pid_t self);

// attributes.c. As process.c's.
int berth_label(int proc, const char *file, const char *label);
int berth_io_priority(uint64_t priority);
int berth_memory_policy(uint64_t mode, const void *nodes, uint64_t bytes);

// copy.c. What is in directory `from` into the fresh directory `to`.
int berth_copy_up(int from, int to, uint32_t flags);

// console.c. As process.c's.
int berth_console(int root, const char *console, const struct berth_step *step);

#endif
