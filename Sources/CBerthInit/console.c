// A container's terminal: made in its own devpts, by descriptors alone. No path that the image could have prepared is followed.
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static int closing(int number, int result) {
  int error = errno;
  close(number);
  errno = error;
  return result;
}

// The multiplexer of the devpts that is mounted on /dev/pts: character device 5:2 of that file system, reached through no symlink.
static int open_multiplexer(int root) {
  struct open_how how = {
    .flags = O_RDWR | O_NOCTTY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  struct stat status;
  struct statfs system;
  int number = (int)syscall(SYS_openat2, root, "dev/pts/ptmx", &how, sizeof how);
  if (number < 0) return -1;
  if (fstat(number, &status) || fstatfs(number, &system)) return closing(number, -1);
  if (system.f_type == DEVPTS_SUPER_MAGIC && S_ISCHR(status.st_mode) && status.st_rdev == makedev(5, 2)) return number;
  errno = ENODEV;
  return closing(number, -1);
}

static int send_descriptor(int socket, int number) {
  // The text says what it is, as every receiver expects one.
  char name[] = "/dev/ptmx";
  union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
  struct iovec text = {.iov_base = name, .iov_len = sizeof name - 1};
  struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  memset(&control, 0, sizeof control);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &number, sizeof number);
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

static int attach_console(int root, const char *path, int terminal) {
  int target = berth_resolve_target(root, path, terminal, BERTH_CREATE | BERTH_NO_PROC | BERTH_NO_SYMLINKS, 0755);
  if (target < 0) return -1;
  int copy = open_tree(terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (copy < 0) return closing(target, -1);
  return closing(target, closing(copy, berth_attach(copy, target)));
}

static int use_terminal(int root, const char *console, const struct berth_step *step, int multiplexer, int terminal) {
  struct winsize size = {.ws_row = (unsigned short)(step->z >> 32), .ws_col = (unsigned short)step->z};
  if (step->z && ioctl(terminal, TIOCSWINSZ, &size)) return -1;
  if (fchown(terminal, (uid_t)step->y, (gid_t)-1)) return -1;
  if (step->flags & BERTH_CREATE && attach_console(root, console, terminal)) return -1;
  if (send_descriptor((int)step->x, multiplexer)) return -1;
  for (int number = 0; number < 3; number++)
    if (dup2(terminal, number) < 0) return -1;
  return ioctl(0, TIOCSCTTY, 0);
}

int berth_console(int root, const char *console, const struct berth_step *step) {
  int unlocked = 0;
  int multiplexer = open_multiplexer(root);
  if (multiplexer < 0) return -1;
  if (ioctl(multiplexer, TIOCSPTLCK, &unlocked)) return closing(multiplexer, -1);
  int terminal = ioctl(multiplexer, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) return closing(multiplexer, -1);
  return closing(multiplexer, closing(terminal, use_terminal(root, console, step, multiplexer, terminal)));
}
