// The filter, and the descriptor by which somebody outside answers for it.
#include "internal.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int load(void *filter, size_t bytes, unsigned flags) {
  struct sock_fprog program = {.len = (unsigned short)(bytes / sizeof(struct sock_filter)), .filter = filter};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int berth_seccomp(void *filter, size_t bytes, unsigned flags) { return load(filter, bytes, flags); }

// What the filtered process and its helper share. Nothing is called to tell each other: any call may be what the filter asks about.
struct handover {
  atomic_int listener;  // 0 until the filter is loaded, then its descriptor or a negated error number
  atomic_int result;    // 1 until it is sent, then 0 or an error number
  int socket;
  const char *text;
};

static int send_listener(const struct handover *handover, int listener) {
  union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
  struct iovec text = {.iov_base = (void *)handover->text, .iov_len = strlen(handover->text)};
  struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  memset(&control, 0, sizeof control);
  control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
  ssize_t sent;
  do sent = sendmsg(handover->socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : (size_t)sent == text.iov_len ? 0 : EMSGSIZE;
}

// Another process with the same memory and descriptors, but without the filter.
static int help(void *shared) {
  struct handover *handover = shared;
  int listener;
  while (!(listener = atomic_load(&handover->listener))) sched_yield();
  atomic_store(&handover->result, listener < 0 ? 0 : send_listener(handover, listener));
  return 0;
}

// Each run of ten bytes 1 in `text` becomes the number, filled up with blanks.
static void fill_in(char *text, pid_t pid) {
  for (char *at = text; (at = strchr(at, 1));) {
    unsigned rest = (unsigned)pid;
    for (int digit = 9; digit >= 0; digit--) {
      if (at[digit] != 1) return;
      at[digit] = rest || digit == 9 ? (char)('0' + rest % 10) : ' ';
      rest /= 10;
    }
  }
}

int berth_seccomp_listen(void *filter, size_t bytes, unsigned flags, int socket, char *text, pid_t self) {
  enum { STACK = 16384 };
  struct handover handover = {.socket = socket, .text = text};
  atomic_store(&handover.result, -1);
  fill_in(text, self);
  char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return -1;
  // A thread: it goes without anybody's waiting for it, and exec ends it at the latest.
  if (clone(help, stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, &handover) < 0) return -1;
  int listener = load(filter, bytes, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER);
  atomic_store(&handover.listener, listener < 0 ? -errno : listener);
  int result;
  while ((result = atomic_load(&handover.result)) < 0) __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (listener < 0) return -1;
  // The descriptor itself goes at exec.
  if (result) return errno = result, -1;
  return 0;
}
