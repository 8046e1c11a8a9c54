#include "berth_events.h"
#include <errno.h>
#include <malloc.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int berth_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data = {.u64 = token}};
  return epoll_ctl(epoll, operation, fd, &event);
}

int berth_epoll_wait(int epoll, struct berth_epoll_ready *ready, int count, int timeout_ms) {
  struct epoll_event events[32];
  int found = epoll_wait(epoll, events, count < 32 ? count : 32, timeout_ms);
  for (int at = 0; at < found; at++) {
    ready[at].token = events[at].data.u64;
    ready[at].events = events[at].events;
  }
  return found;
}

int berth_block_signals_but_children(void) {
  sigset_t set;
  sigfillset(&set);
  if (sigprocmask(SIG_SETMASK, &set, NULL) < 0) return -1;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int berth_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int berth_set_comm(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

int berth_close_from(unsigned first) { return (int)syscall(SYS_close_range, first, ~0u, 0); }

int berth_child_pidfd(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int berth_signal_pidfd(int pidfd, int number) { return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0); }

int berth_reap_pidfd(int pidfd, int *status) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  // P_PIDFD, which glibc 2.36 has in an enum that older headers lack.
  if (waitid((idtype_t)3, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -1;
  if (info.si_pid == 0) return 0;
  *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
  return 1;
}

// struct pidfd_info of Linux 6.15, which older headers lack.
struct pidfd_facts {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t ids[11];
  int32_t status;
};

int berth_pidfd_ending(int pidfd, int *status) {
  const uint64_t exit_known = 1 << 3;  // PIDFD_INFO_EXIT
  struct pidfd_facts facts;
  memset(&facts, 0, sizeof facts);
  facts.mask = exit_known;
  if (ioctl(pidfd, _IOWR(0xFF, 11, struct pidfd_facts), &facts) < 0) return -1;
  if (!(facts.mask & exit_known)) return 0;
  *status = facts.status;
  return 1;
}

pid_t berth_reap_any(int *code, int *signaled) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0) return -1;
  *code = info.si_status;
  *signaled = info.si_code != CLD_EXITED;
  return info.si_pid;
}

int berth_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int berth_peer_credentials(int socket, pid_t *pid, uint32_t *uid, uint32_t *gid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -1;
  *pid = peer.pid;
  *uid = peer.uid;
  *gid = peer.gid;
  return 0;
}

__attribute__((noinline)) void berth_trim_memory(void) {
  malloc_trim(0);
  // A page of distance keeps this frame, the red zone and madvise's own frame; pages that were never touched are no error worth knowing.
  uintptr_t page = 4096;
  uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - page) & ~(page - 1);
  uintptr_t size = 128 * 1024;
  madvise((void *)(end - size), size, MADV_DONTNEED);
}

// Where the linker put the program's read-only parts: headers, tables, code.
extern const char __executable_start[], etext[];

void berth_forget_program(void) {
  uintptr_t page = 4096;
  uintptr_t begin = (uintptr_t)__executable_start & ~(page - 1), end = (uintptr_t)etext & ~(page - 1);
  if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
}

int berth_loopback_up(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  int result = ioctl(fd, SIOCSIFFLAGS, &request);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}
