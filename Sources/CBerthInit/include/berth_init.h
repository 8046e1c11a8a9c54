// The post-clone interpreter: performs an init plan in the container's first process, from clone3 to execve, with system calls alone.
// A plan is one block of memory without pointers, so that it can be checked as a whole before anything is done:
//   header | steps[step_count] | data: NUL-terminated texts, blocks of bytes, a table for argv and envp
#ifndef BERTH_INIT_H
#define BERTH_INIT_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BERTH_PLAN_MAGIC 0x62706c6e
#define BERTH_PLAN_VERSION 4
#define BERTH_PLAN_SLOTS 16
#define BERTH_PLAN_MAX_STEPS 65536
#define BERTH_PLAN_MAX_SIZE (16u << 20)

struct berth_plan_header {
  uint32_t magic;
  uint32_t version;
  uint32_t size;  // of all of it, in bytes
  uint32_t step_count;
};

// What the members mean is said at each operation. a and b are slots: numbers of descriptors that the plan works with, at first unset.
// text and other are offsets from the plan's beginning to a NUL-terminated text or a block; 0: none.
struct berth_step {
  uint32_t op;
  uint32_t flags;
  int32_t a;
  int32_t b;
  uint32_t text;
  uint32_t other;
  uint64_t x;
  uint64_t y;
  uint64_t z;
};

enum berth_op {
  BERTH_OP_STDIO = 1,      // descriptors x, y and z (all above 2) become 0, 1 and 2
  BERTH_OP_SIGNALS,        // every signal as by default and none blocked
  BERTH_OP_SESSION,        // setsid(2)
  BERTH_OP_GUARD,          // die with the parent; no core, no ptrace
  BERTH_OP_CLOSE_ON_EXEC,  // every descriptor from x on
  BERTH_OP_SETNS,          // join the namespace open as descriptor y, of kind x (CLONE_NEW*)
  BERTH_OP_PROPAGATION,    // of the mount at text, to mount(2) flags x
  BERTH_OP_DESCRIPTOR,     // slot a is descriptor x
  BERTH_OP_FS_OPEN,        // slot a is a new context for file system type text
  BERTH_OP_FS_SET,         // context a: parameter text is other
  BERTH_OP_FS_FLAG,        // context a: parameter text is set
  BERTH_OP_FS_MOUNT,       // slot b is the detached mount made of context a, with MOUNT_ATTR_* x; a is closed
  BERTH_OP_TREE,           // slot b is a detached copy of what is mounted at text (below it: other), recursive with BERTH_RECURSIVE
  BERTH_OP_ATTRIBUTES,     // mount a: MOUNT_ATTR_* x set, y cleared, propagation z; BERTH_RECURSIVE
  BERTH_OP_ROOT,           // mount a is attached at text and stays in its slot
  BERTH_OP_DIRECTORY,      // slot b is directory text below root a; BERTH_CREATE with mode x, BERTH_NO_PROC, BERTH_NO_SYMLINKS
  BERTH_OP_TARGET,         // slot b is text below root a, a directory if mount x (a slot) is one, else a file; flags as above
  BERTH_OP_ATTACH,         // mount a is attached to b; both are closed
  BERTH_OP_NODE,           // below root a: node text of mode x, device number y, owner z (uid << 32 | gid)
  BERTH_OP_LINK,           // below root a: symlink text to other, unless text exists
  BERTH_OP_NULL_DEVICE,    // slot b is text, verified to be the null device
  BERTH_OP_MASK,           // below root a: text is covered, files by the null device in slot b, directories by the empty mount in slot x
  BERTH_OP_READ_ONLY,      // below root a: text can't be written
  BERTH_OP_PIVOT,          // root a becomes /, the old one is gone
  BERTH_OP_HOSTNAME,       // text
  BERTH_OP_DOMAINNAME,     // text
  BERTH_OP_SYSCTL,         // in proc a: file text gets other
  BERTH_OP_SYNC,           // tell the launcher x, wait for its answer
  BERTH_OP_TELL,           // tell the launcher x, go on: its answer is waited for by a later BERTH_OP_WAIT
  BERTH_OP_WAIT,           // for the launcher's word, without telling it anything
  BERTH_OP_UNSHARE,        // CLONE_NEW* x
  BERTH_OP_KEYRING,        // a new session keyring named text
  BERTH_OP_RLIMIT,         // resource x: soft y, hard z; with what may not be raised left as high as it is, and a warning
  BERTH_OP_OOM_SCORE,      // in proc a: this process's oom_score_adj is text; a warning where that is not permitted
  BERTH_OP_UMASK,          // x
  BERTH_OP_BOUNDING,       // the bounding set is the bits of x
  BERTH_OP_USER,           // uid x, gid y, supplementary groups: z of 32 bits at other; capabilities are kept
  BERTH_OP_CAPABILITIES,   // effective x, permitted y, inheritable z
  BERTH_OP_AMBIENT,        // the ambient set is the bits of x
  BERTH_OP_NO_NEW_PRIVS,
  BERTH_OP_SECCOMP,        // filter: y bytes at other, flags x
  BERTH_OP_CHDIR,          // to text below root a; verified to be below /. With BERTH_TRY, a missing right is left to a later one
  BERTH_OP_OWN_STDIO,      // FIFOs among 0, 1 and 2 belong to uid x
  BERTH_OP_COPY_UP,        // what is in directory b is copied into mount a: directories, files and symlinks; then a gets b's owner and mode
                           // but for BERTH_KEEP_OWNER and BERTH_KEEP_MODE
  BERTH_OP_ROOT_HERE,      // slot a is this process's own root
  BERTH_OP_CONSOLE,        // a new terminal of the devpts below root a becomes 0, 1 and 2 and the controlling one, and belongs to uid y; its
                           // other side is sent over socket x; size z (rows << 32 | columns, 0: as it is); with BERTH_CREATE also text
  BERTH_OP_FIND,           // one of the programs (x texts at text) is there and may be executed; else as a failed exec
  BERTH_OP_GATE,           // outlive the launcher; tell it x, then wait at listening socket y for another one, who is told from then on
  BERTH_OP_EXEC,           // programs: x texts at text, the first that runs; argv: y texts at other; envp: z texts at b, pointers at a
  BERTH_OP_LABEL,          // in proc a: this process's file text gets other, which is read back
  BERTH_OP_SCHEDULER,      // struct sched_attr of 48 bytes at other
  BERTH_OP_IO_PRIORITY,    // x as ioprio_set(2) packs it
  BERTH_OP_AFFINITY,       // to the CPUs of a mask of y bytes at other
  BERTH_OP_MEMORY_POLICY,  // MPOL_* x over the NUMA nodes of a mask of y bytes at other
  BERTH_OP_PERSONALITY,    // x
  BERTH_OP_SECCOMP_LISTEN, // as SECCOMP; the filter's listener is sent over socket z with text, whose runs of ten bytes 1 become the pid
  BERTH_OP_ANNOUNCE,       // tell the launcher that nothing is left but exec; outlive it from now on
  BERTH_OP_JOIN_CGROUP,    // of the v1 hierarchy open as descriptor x: this process moves itself by file text
  BERTH_OP_SPLIT,          // a child goes on; this process is its init, and at EXEC becomes program x with the child's pid. With BERTH_ONLY
                           // there is no child; with BERTH_TERMINAL the child has the terminal
  BERTH_OP_COUNT
};

enum {
  BERTH_RECURSIVE = 1,
  BERTH_CREATE = 2,
  BERTH_NO_PROC = 4,      // not inside a proc file system
  BERTH_NO_SYMLINKS = 8,  // not through any symlink
  BERTH_TRY = 16,
  BERTH_ONLY = 32,
  BERTH_TERMINAL = 64,
  BERTH_KEEP_MODE = 128,
  BERTH_KEEP_OWNER = 256,
};

enum berth_report_kind {
  BERTH_REPORT_WARNING = 1,  // step was left out or done by halves for error
  BERTH_REPORT_SYNC,         // detail: the number of the synchronisation point
  BERTH_REPORT_FAILURE,      // step failed for error; the process is gone
  BERTH_REPORT_EXECUTING,    // nothing is left but a filter and execve: the end of the stream means that it succeeded
};

enum { BERTH_DETAIL_FILE_EXISTS = 1 };  // of a failed exec: the program is there

// One message on the report socket (SOCK_SEQPACKET).
struct berth_report {
  uint32_t kind;
  uint32_t step;
  int32_t error;
  uint32_t detail;
};

// 0, or a negated error number where `plan` is not well-formed: wrong version, an offset or count outside it, a text without its end.
int berth_plan_check(const void *plan, size_t size);

// A detached copy of what is mounted at `path` (below it: `below`, resolved there), close-on-exec; or -1 and errno.
int berth_tree(const char *path, const char *below, int recursive);

// The calling process's program as a detached mount that nobody can write to, close-on-exec; or -1 and errno. The process is in the
// mount namespace in which it was executed.
int berth_own_program(void);

// Why a clone failed: the number of one of `joins`, or
enum { BERTH_BIRTH_CLONE = -1, BERTH_BIRTH_CLOCKS = -2, BERTH_BIRTH_JOINS = 8 };

struct berth_join { int descriptor, kind; };

struct berth_birth {
  void *plan;  // checked before anything is done
  size_t size;
  int report;                // the child's end of the report socket
  int launcher;              // the other, closed in the child, so that it sees the launcher's death
  uint64_t flags;            // CLONE_NEW* and CLONE_PARENT
  int cgroup;                // a cgroup v2 directory to be born in, or -1
  // Namespaces to be born in: the user namespace last, for all rights end with it.
  struct berth_join joins[BERTH_BIRTH_JOINS];
  int join_count;
  const char *time_offsets;  // as /proc/PID/timens_offsets takes them, for a new time namespace; or NULL
  pid_t *cloned;             // gets the pid by the kernel itself, before the clone returns
  pid_t *between;            // likewise that of a process which has ended by the return and is the container's parent's to reap, or 0
  int pidfd;                 // set
  int failed;                // set on failure
  pid_t pid;
  int error;
};

// Clones a process and has it perform the plan: a child of this one, or with CLONE_PARENT of its parent. Returns the pid, or -1 and errno.
// For processes with one thread.
pid_t berth_clone_container(struct berth_birth *birth);

#endif
