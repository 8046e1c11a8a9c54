// Kernel interfaces of event loops and supervision that Swift's Glibc module leaves out.
#ifndef BERTH_EVENTS_H
#define BERTH_EVENTS_H
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

// epoll_ctl(2) with a 64-bit token. `operation` takes EPOLL_CTL_*.
int berth_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token);

// One ready descriptor, unpacked from struct epoll_event.
struct berth_epoll_ready {
  uint64_t token;
  uint32_t events;
};

// epoll_wait(2) for at most 32 events; `timeout_ms` of -1 waits for ever.
int berth_epoll_wait(int epoll, struct berth_epoll_ready *ready, int count, int timeout_ms);

// Blocks every signal that can be blocked and returns a signalfd for SIGCHLD alone. Signals other than SIGCHLD then have no effect on a process that has nobody else to read them.
int berth_block_signals_but_children(void);

// prctl(2): the process adopts the orphans among its descendants.
int berth_become_subreaper(void);

// prctl(2): the name in /proc/self/comm, cut to 15 bytes.
int berth_set_comm(const char *name);

// close_range(2) from `first` on.
int berth_close_from(unsigned first);

// pidfd_open(2), always close-on-exec.
int berth_child_pidfd(pid_t pid);
// pidfd_send_signal(2).
int berth_signal_pidfd(int pidfd, int number);

// waitid(2) with P_PIDFD, WEXITED and WNOHANG: 1 reaped, 0 still running, -1 and errno. `*status` is as waitpid's.
int berth_reap_pidfd(int pidfd, int *status);

// ioctl(2) PIDFD_GET_INFO, Linux 6.15: 1 and the end's status (as waitpid's) of a process that has been reaped, by whomever; 0 where the
// kernel doesn't know it (yet), -1 and errno.
int berth_pidfd_ending(int pidfd, int *status);

// waitid(2) for any child, WEXITED and WNOHANG: its pid, 0 if none has ended, -1 and errno. `*code` is the exit code or the signal.
pid_t berth_reap_any(int *code, int *signaled);

// accept4(2), close-on-exec and non-blocking.
int berth_accept(int listener);

// getsockopt(2) with SO_PEERCRED.
int berth_peer_credentials(int socket, pid_t *pid, uint32_t *uid, uint32_t *gid);

// malloc_trim(3) with nothing kept at the top, and madvise(2) with MADV_DONTNEED for the main thread's stack below the caller's frame.
void berth_trim_memory(void);

// madvise(2) with MADV_DONTNEED for the program's own read-only mappings: what is needed again comes from the page cache.
void berth_forget_program(void);

// Brings the loopback interface of the calling thread's network namespace up.
int berth_loopback_up(void);
#endif
