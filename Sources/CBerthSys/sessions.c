#include "berth_sessions.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(BERTH_MOST_PASSED * sizeof(int))];
};

ssize_t berth_send_passing(int socket, const void *bytes, size_t length, const int *passed, int count) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  union control control;
  if (count < 0 || count > BERTH_MOST_PASSED) {
    errno = EINVAL;
    return -1;
  }
  if (count > 0) {
    size_t size = (size_t)count * sizeof(int);
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(size);
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), passed, size);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t berth_receive_passed(int socket, void *bytes, size_t length, int *passed, int *count) {
  struct iovec part = {.iov_base = bytes, .iov_len = length};
  union control control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
  *count = 0;
  ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    size_t size = header->cmsg_len - CMSG_LEN(0);
    if (size > BERTH_MOST_PASSED * sizeof(int)) size = BERTH_MOST_PASSED * sizeof(int);
    *count = (int)(size / sizeof(int));
    memcpy(passed, CMSG_DATA(header), (size_t)*count * sizeof(int));
  }
  return got;
}
