// What downloading and unpacking ask of the kernel. Numbers that an architecture hasn't got are left out by the preprocessor.
#include "berth_enclosure.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no system call filter for this architecture"
#endif

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

// Namespaces: CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
#define NEW_NAMESPACES 0x7e020080u

static const uint16_t allowed[] = {
    // files
    __NR_read, __NR_write, __NR_readv, __NR_writev, __NR_pread64, __NR_pwrite64, __NR_preadv, __NR_pwritev, __NR_openat, __NR_openat2,
    __NR_close, __NR_close_range, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_statfs, __NR_fstatfs, __NR_lseek, __NR_faccessat,
    __NR_faccessat2, __NR_dup, __NR_dup3, __NR_fcntl, __NR_flock, __NR_fsync, __NR_fdatasync, __NR_sync_file_range,
    __NR_truncate, __NR_ftruncate, __NR_fallocate, __NR_getdents64, __NR_getcwd, __NR_chdir, __NR_fchdir, __NR_renameat, __NR_renameat2,
    __NR_mkdirat, __NR_linkat, __NR_unlinkat, __NR_symlinkat, __NR_readlinkat, __NR_fchmod, __NR_fchmodat, __NR_fchmodat2, __NR_fchown,
    __NR_fchownat, __NR_umask, __NR_mknodat, __NR_utimensat, __NR_setxattr, __NR_lsetxattr, __NR_fsetxattr, __NR_getxattr, __NR_lgetxattr,
    __NR_fgetxattr, __NR_listxattr, __NR_llistxattr, __NR_flistxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr,
    __NR_sendfile, __NR_copy_file_range, __NR_splice, __NR_readahead, __NR_fadvise64, __NR_memfd_create,
    // memory
    __NR_mmap, __NR_mprotect, __NR_munmap, __NR_mremap, __NR_madvise, __NR_brk, __NR_membarrier,
    // network and waiting
    __NR_connect, __NR_sendto, __NR_recvfrom, __NR_sendmsg, __NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg, __NR_shutdown, __NR_bind,
    __NR_getsockname, __NR_getpeername, __NR_socketpair, __NR_setsockopt, __NR_getsockopt, __NR_pipe2, __NR_pselect6, __NR_ppoll,
    __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait, __NR_eventfd2,
    // threads, signals, time
    __NR_exit, __NR_exit_group, __NR_futex, __NR_set_robust_list, __NR_get_robust_list, __NR_set_tid_address, __NR_rseq, __NR_sched_yield,
    __NR_sched_getaffinity, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_sigaltstack, __NR_restart_syscall, __NR_tgkill,
    __NR_gettimeofday, __NR_clock_gettime, __NR_clock_getres, __NR_clock_nanosleep, __NR_nanosleep, __NR_getrandom, __NR_prlimit64,
    __NR_getrlimit, __NR_getrusage, __NR_sysinfo, __NR_uname, __NR_getpid, __NR_getppid, __NR_gettid, __NR_getuid, __NR_getgid,
    __NR_geteuid, __NR_getegid, __NR_prctl, __NR_getcpu,
#if defined(__x86_64__)
    __NR_open, __NR_creat, __NR_stat, __NR_lstat, __NR_access, __NR_dup2, __NR_pipe, __NR_select, __NR_poll, __NR_epoll_wait,
    __NR_epoll_create, __NR_eventfd, __NR_getdents, __NR_rename, __NR_mkdir, __NR_rmdir, __NR_link, __NR_unlink, __NR_symlink,
    __NR_readlink, __NR_chmod, __NR_chown, __NR_lchown, __NR_mknod, __NR_utimes, __NR_utime, __NR_arch_prctl, __NR_time,
#endif
};

// What nobody has a reason to try here: programs, namespaces, mounts, other processes, the kernel itself.
static const uint16_t deadly[] = {
    __NR_execve, __NR_execveat, __NR_unshare, __NR_setns, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_move_mount,
    __NR_open_tree, __NR_fsopen, __NR_fsmount, __NR_fspick, __NR_mount_setattr, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
    __NR_pidfd_open, __NR_pidfd_getfd, __NR_kcmp, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_io_uring_setup, __NR_keyctl,
    __NR_add_key, __NR_request_key, __NR_open_by_handle_at, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
    __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct, __NR_quotactl, __NR_setuid, __NR_setresuid, __NR_setreuid, __NR_setgid,
    __NR_setresgid, __NR_setregid, __NR_setgroups, __NR_capset, __NR_seccomp, __NR_personality,
};

#define COUNT (sizeof allowed / sizeof *allowed)
#define DEADLY (sizeof deadly / sizeof *deadly)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | ENOSYS)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
// Goes past the next `past` instructions unless the loaded value is `value`.
#define UNLESS(value, past) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (past))
// `value` is allowed: falls through to ALLOW, else past it.
#define ACCEPT(value) UNLESS((value), 1), ALLOW

int berth_enclosure_filter(int network) {
  struct sock_filter head[] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
      RETURN(SECCOMP_RET_KILL_PROCESS),
      LOAD(nr),
      // Another way to number the same calls (x32).
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
      RETURN(SECCOMP_RET_KILL_PROCESS),
      // Threads, no namespaces. clone3 hides its flags in memory: without it libc takes clone.
      UNLESS(__NR_clone, 4),
      LOAD(args[0]),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
      REFUSE,
      ALLOW,
      UNLESS(__NR_socket, 10),
      LOAD(args[0]),
      // No family has such a number.
      ACCEPT(network ? AF_INET : -1),
      ACCEPT(network ? AF_INET6 : -1),
      ACCEPT(network ? AF_UNIX : -1),
      // How libc asks for the machine's own addresses.
      ACCEPT(network ? AF_NETLINK : -1),
      REFUSE,
      UNLESS(__NR_ioctl, 6),
      LOAD(args[1]),
      ACCEPT(FIONBIO),
      ACCEPT(FIONREAD),
      REFUSE,
  };
  struct sock_filter program[sizeof head / sizeof *head + COUNT + DEADLY + 4];
  size_t size = sizeof head / sizeof *head;
  for (size_t at = 0; at < size; at++) program[at] = head[at];
  // Each of the allowed jumps over those behind it to ALLOW; what is left then is refused or deadly.
  _Static_assert(COUNT < 256 && DEADLY < 255, "a jump goes no further");
  for (size_t at = 0; at < COUNT; at++) {
    program[size + at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[at], (uint8_t)(COUNT - at), 0);
  }
  // Over the ALLOW that the jumps above lead to.
  program[size + COUNT] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
  program[size + COUNT + 1] = (struct sock_filter)ALLOW;
  size += COUNT + 2;
  for (size_t at = 0; at < DEADLY; at++) {
    program[size + at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deadly[at], (uint8_t)(DEADLY - at), 0);
  }
  program[size + DEADLY] = (struct sock_filter)REFUSE;
  program[size + DEADLY + 1] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog filter = {.len = (unsigned short)(size + DEADLY + 2), .filter = program};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
