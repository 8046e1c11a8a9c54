// The loop: one step after the other, the first that fails ends it.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void report(struct berth_run *run, uint32_t kind, int error, uint32_t detail) {
  struct berth_report message = {.kind = kind, .step = run->step, .error = error, .detail = detail};
  (void)!send(run->report, &message, sizeof message, MSG_NOSIGNAL);
}

static int put(struct berth_run *run, int32_t slot, int number) {
  if (number < 0) return -1;
  if (run->slots[slot] >= 0) close(run->slots[slot]);
  run->slots[slot] = number;
  return 0;
}

// The result of what used slot for the last time.
static int spent(struct berth_run *run, int32_t slot, int result) {
  int error = errno;
  close(run->slots[slot]);
  run->slots[slot] = -1;
  errno = error;
  return result;
}

// A process that waits to be started holds its creator's streams no longer than it has them as its own: somebody may wait for their end.
static int set_stdio(const struct berth_step *step) {
  const int streams[] = {(int)step->x, (int)step->y, (int)step->z};
  for (int number = 0; number < 3; number++)
    if (dup2(streams[number], number) < 0) return -1;
  for (int number = 0; number < 3; number++)
    if (streams[number] > 2) close(streams[number]);
  return 0;
}

static int wait_for_word(struct berth_run *run) {
  char answer;
  ssize_t got;
  do got = recv(run->report, &answer, 1, 0);
  while (got < 0 && errno == EINTR);
  if (got == 1) return 0;
  // The launcher is gone: nobody is left to tell.
  _exit(1);
}

static int synchronise(struct berth_run *run, uint32_t point) {
  report(run, BERTH_REPORT_SYNC, 0, point);
  return wait_for_word(run);
}

// A created container waits here for whoever starts it, maybe for days: its maker is gone by then.
static int wait_at_gate(struct berth_run *run, const struct berth_step *step) {
  if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)) return -1;
  report(run, BERTH_REPORT_SYNC, 0, (uint32_t)step->x);
  for (;;) {
    int starter = accept4((int)step->y, NULL, NULL, SOCK_CLOEXEC);
    if (starter < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return -1;
    }
    char word;
    ssize_t got;
    do got = recv(starter, &word, 1, 0);
    while (got < 0 && errno == EINTR);
    // One who went away without a word has started nothing.
    if (got != 1) {
      close(starter);
      continue;
    }
    close((int)step->y);
    close(run->report);
    run->report = starter;
    return 0;
  }
}

static int change_directory(struct berth_run *run, int root, const char *path, uint32_t flags) {
  if (run->directory_set) return 0;
  if (!berth_chdir(root, path)) return run->directory_set = 1, 0;
  return flags & BERTH_TRY && (errno == EACCES || errno == EPERM) ? 0 : -1;
}

static char **pointers(char *texts, uint64_t count, char **table) {
  char **first = table;
  for (; count; count--) {
    *table++ = texts;
    texts += strlen(texts) + 1;
  }
  *table = NULL;
  return first;
}

static int announce(struct berth_run *run) {
  report(run, BERTH_REPORT_EXECUTING, 0, 0);
  return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

// As a shell looks a command up: a directory without it, or with one that may not be executed, leads to the next.
static int execute(struct berth_run *run, const struct berth_step *step) {
  char **table = (char **)(void *)(run->plan + step->a);
  char **argv = pointers(run->plan + step->other, step->y, table);
  char **envp = pointers(run->plan + step->b, step->z, table + step->y + 1);
  char *program = run->plan + step->text;
  int error = ENOENT;
  uint32_t detail = 0;
  for (uint64_t count = step->x; count && !detail; count--, program += strlen(program) + 1) {
    execve(program, argv, envp);
    if (errno == EACCES) error = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR) error = errno, detail = BERTH_DETAIL_FILE_EXISTS;
    // A script whose interpreter is missing gives ENOENT too.
    else if (errno == ENOENT && !faccessat(AT_FDCWD, program, F_OK, 0)) error = ENOENT, detail = BERTH_DETAIL_FILE_EXISTS;
  }
  if (error == EACCES) detail = BERTH_DETAIL_FILE_EXISTS;
  report(run, BERTH_REPORT_FAILURE, error, detail);
  _exit(1);
}

static int find(struct berth_run *run, const struct berth_step *step) {
  const char *program = run->plan + step->text;
  int error = ENOENT;
  for (uint64_t count = step->x; count; count--, program += strlen(program) + 1) {
    struct stat status;
    if (!stat(program, &status) && !S_ISDIR(status.st_mode) && !faccessat(AT_FDCWD, program, X_OK, 0)) return 0;
    if (errno == EACCES || errno == 0) error = EACCES;
  }
  report(run, BERTH_REPORT_FAILURE, error, error == EACCES ? BERTH_DETAIL_FILE_EXISTS : 0);
  _exit(1);
}

static int perform_mount_step(struct berth_run *run, const struct berth_step *step, const char *text, const char *other, int a, int b) {
  int *slots = run->slots;
  switch (step->op) {
  case BERTH_OP_PROPAGATION: return mount(NULL, text, NULL, step->x, NULL);
  case BERTH_OP_DESCRIPTOR: return put(run, step->a, (int)step->x);
  case BERTH_OP_COPY_UP: return berth_copy_up(b, a, step->flags);
  case BERTH_OP_ROOT_HERE: return put(run, step->a, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  case BERTH_OP_FS_OPEN: return put(run, step->a, fsopen(text, FSOPEN_CLOEXEC));
  case BERTH_OP_FS_SET: return fsconfig(a, FSCONFIG_SET_STRING, text, other, 0);
  case BERTH_OP_FS_FLAG: return fsconfig(a, FSCONFIG_SET_FLAG, text, NULL, 0);
  case BERTH_OP_FS_MOUNT: return put(run, step->b, berth_fs_mount(a, step->x)) ? -1 : spent(run, step->a, 0);
  case BERTH_OP_TREE: return put(run, step->b, berth_tree(text, other, step->flags & BERTH_RECURSIVE));
  case BERTH_OP_ATTRIBUTES: return berth_attributes(a, step->x, step->y, step->z, step->flags & BERTH_RECURSIVE);
  case BERTH_OP_ROOT: return move_mount(a, "", AT_FDCWD, text, MOVE_MOUNT_F_EMPTY_PATH);
  case BERTH_OP_DIRECTORY: return put(run, step->b, berth_resolve_directory(a, text, step->flags, (mode_t)step->x));
  case BERTH_OP_TARGET: return put(run, step->b, berth_resolve_target(a, text, slots[step->x], step->flags, 0755));
  case BERTH_OP_ATTACH: return spent(run, step->b, spent(run, step->a, berth_attach(a, b)));
  case BERTH_OP_NODE:
    return berth_make_node(a, text, (mode_t)step->x, (dev_t)step->y, (uid_t)(step->z >> 32), (gid_t)step->z);
  case BERTH_OP_LINK: return berth_make_link(a, text, other);
  case BERTH_OP_NULL_DEVICE: return put(run, step->b, berth_null_device(text));
  case BERTH_OP_MASK: return berth_mask(run, a, text, b, slots[step->x]);
  case BERTH_OP_READ_ONLY: return berth_read_only(a, text);
  case BERTH_OP_PIVOT: return berth_pivot(a);
  default: errno = ENOSYS; return -1;
  }
}

static int perform_process_step(struct berth_run *run, const struct berth_step *step, const char *text, const char *other, int a) {
  void *block = run->plan + step->other;
  switch (step->op) {
  case BERTH_OP_STDIO: return set_stdio(step);
  case BERTH_OP_SIGNALS: return berth_signals();
  case BERTH_OP_SESSION: return setsid() < 0 ? -1 : 0;
  case BERTH_OP_GUARD: return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ? -1 : 0;
  case BERTH_OP_CLOSE_ON_EXEC: return (int)syscall(SYS_close_range, (unsigned)step->x, ~0u, CLOSE_RANGE_CLOEXEC);
  case BERTH_OP_SETNS: return berth_join((int)step->y, (int)step->x);
  case BERTH_OP_HOSTNAME: return sethostname(text, strlen(text));
  case BERTH_OP_DOMAINNAME: return setdomainname(text, strlen(text));
  case BERTH_OP_SYSCTL: return berth_file_write(a, text, other);
  case BERTH_OP_SYNC: return synchronise(run, (uint32_t)step->x);
  case BERTH_OP_TELL: return report(run, BERTH_REPORT_SYNC, 0, (uint32_t)step->x), 0;
  case BERTH_OP_WAIT: return wait_for_word(run);
  case BERTH_OP_UNSHARE: return unshare((int)step->x);
  case BERTH_OP_KEYRING: return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, text) < 0 && errno != ENOSYS ? -1 : 0;
  case BERTH_OP_RLIMIT: return berth_rlimit((int)step->x, step->y, step->z);
  case BERTH_OP_OOM_SCORE: return berth_oom_score(a, text);
  case BERTH_OP_LABEL: return berth_label(a, text, other);
  case BERTH_OP_SCHEDULER: return (int)syscall(SYS_sched_setattr, 0, block, 0);
  case BERTH_OP_IO_PRIORITY: return berth_io_priority(step->x);
  case BERTH_OP_AFFINITY: return (int)syscall(SYS_sched_setaffinity, 0, step->y, block);
  case BERTH_OP_MEMORY_POLICY: return berth_memory_policy(step->x, block, step->y);
  case BERTH_OP_PERSONALITY: return personality(step->x) < 0 ? -1 : 0;
  case BERTH_OP_UMASK: return umask((mode_t)step->x), 0;
  case BERTH_OP_BOUNDING: return berth_bounding(step->x);
  case BERTH_OP_USER: return berth_user((uid_t)step->x, (gid_t)step->y, block, step->z);
  case BERTH_OP_CAPABILITIES: return berth_capabilities(step->x, step->y, step->z);
  case BERTH_OP_AMBIENT: return berth_ambient(step->x);
  case BERTH_OP_NO_NEW_PRIVS: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  case BERTH_OP_SECCOMP: return berth_seccomp(block, step->y, (unsigned)step->x);
  case BERTH_OP_SECCOMP_LISTEN:
    return berth_seccomp_listen(block, step->y, (unsigned)step->x, (int)step->z, run->plan + step->text, *run->self);
  case BERTH_OP_JOIN_CGROUP: return berth_file_write((int)step->x, text, "0");
  case BERTH_OP_ANNOUNCE: return announce(run);
  case BERTH_OP_CHDIR: return change_directory(run, a, text, step->flags);
  case BERTH_OP_OWN_STDIO: return berth_own_stdio((uid_t)step->x);
  case BERTH_OP_CONSOLE: return berth_console(a, text, step);
  case BERTH_OP_FIND: return find(run, step);
  case BERTH_OP_GATE: return wait_at_gate(run, step);
  case BERTH_OP_SPLIT: return berth_split(run, step);
  case BERTH_OP_EXEC: return run->init_program < 0 ? execute(run, step) : (errno = berth_become_init(run), -1);
  default: errno = ENOSYS; return -1;
  }
}

static int is_mount_step(uint32_t op) {
  return op == BERTH_OP_COPY_UP || op == BERTH_OP_ROOT_HERE || op == BERTH_OP_PROPAGATION || (op >= BERTH_OP_DESCRIPTOR && op <= BERTH_OP_PIVOT);
}

static _Noreturn void perform(struct berth_run *run) {
  const struct berth_plan_header *header = (const void *)run->plan;
  const struct berth_step *steps = (const void *)(run->plan + sizeof *header);
  for (int slot = 0; slot < BERTH_PLAN_SLOTS; slot++) run->slots[slot] = -1;
  // Modes are said exactly; the process's own umask comes at its step.
  umask(0);
  for (run->step = 0; run->step < header->step_count; run->step++) {
    const struct berth_step *step = &steps[run->step];
    const char *text = run->plan + step->text, *other = run->plan + step->other;
    int a = step->a >= 0 && step->a < BERTH_PLAN_SLOTS ? run->slots[step->a] : -1;
    int b = step->b >= 0 && step->b < BERTH_PLAN_SLOTS ? run->slots[step->b] : -1;
    int result = is_mount_step(step->op) ? perform_mount_step(run, step, text, other, a, b)
                                         : perform_process_step(run, step, text, other, a);
    if (result < 0) break;
    if (result > 0) report(run, BERTH_REPORT_WARNING, errno, 0);
  }
  report(run, BERTH_REPORT_FAILURE, errno, 0);
  _exit(1);
}

void berth_perform(void *plan, int report, const pid_t *self) {
  struct berth_run run = {.plan = plan, .report = report, .self = self, .init_program = -1};
  perform(&run);
}
