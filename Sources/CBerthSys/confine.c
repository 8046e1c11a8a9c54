#include "berth_confine.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int drop_bounding(uint64_t keep) {
  for (int capability = 0; capability < 64; capability++) {
    if (keep >> capability & 1) continue;
    // EINVAL: the kernel knows no capability from this number on.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return errno == EINVAL ? 0 : -1;
  }
  return 0;
}

static int set_capabilities(uint64_t keep) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  for (int half = 0; half < 2; half++) {
    uint32_t mask = (uint32_t)(keep >> (32 * half));
    data[half].permitted &= mask;
    data[half].effective = data[half].permitted;
    data[half].inheritable = 0;
  }
  return (int)syscall(SYS_capset, &header, data);
}

int berth_confine(uint64_t keep) {
  struct rlimit none = {0, 0};
  umask(0);
  if (syscall(SYS_close_range, 3, ~0U, 0) != 0) return -1;
  if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
  if (drop_bounding(keep) != 0 || set_capabilities(keep) != 0) return -1;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -1;
  // Last: a change of credentials clears it.
  return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

const char *berth_signal_name(int number) { return sigabbrev_np(number); }
