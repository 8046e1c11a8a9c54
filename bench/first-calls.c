// first-calls COMMAND… < ADDRESSES: runs a static program and prints the addresses of functions (16 hexadecimal digits, one a line, ascending)
// that it came to, each once, in the order of the first time, until it ends. Its children are followed until they execute something else,
// and so is the program when it executes itself anew. Every function begins with a breakpoint, which is taken away where it is hit. Pages
// of code that a program gives back to the kernel would come again without breakpoints: those calls (madvise) are left out.
// With CHANGED_DATA in the environment: what that program says of the process at its end (changed-data PID PROGRAM) is printed as well.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  breakpoint = 0xcc,
  options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD,
  system_call = SIGTRAP | 0x80,
};

static uint64_t functions[1 << 17], first, size;
static size_t count;
static unsigned char *text, *seen;
static struct stat program;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int memory_of(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  return open(path, O_RDWR | O_CLOEXEC);
}

// After each exec: its memory is as the file has it. Returns whether it is the program still.
static int plant(pid_t pid) {
  char path[64];
  struct stat executed;
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (stat(path, &executed) || executed.st_ino != program.st_ino) return 0;
  int memory = memory_of(pid);
  if (memory < 0 || pread(memory, text, size, (off_t)first) != (ssize_t)size) fail("read program");
  unsigned char *changed = malloc(size);
  if (!changed) fail("memory");
  memcpy(changed, text, size);
  for (size_t at = 0; at < count; at++) changed[functions[at] - first] = breakpoint;
  if (pwrite(memory, changed, size, (off_t)first) != (ssize_t)size) fail("write program");
  free(changed);
  close(memory);
  return 1;
}

// Whether the process stands behind a breakpoint of ours: it goes on as if that had not been there.
static int passed(pid_t pid) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) return 0;
  uint64_t at = registers.rip - 1 - first;
  if (at >= size || text[at] == breakpoint) return 0;
  int memory = memory_of(pid);
  if (memory < 0 || pwrite(memory, text + at, 1, (off_t)(first + at)) != 1) fail("write program");
  close(memory);
  registers.rip--;
  ptrace(PTRACE_SETREGS, pid, 0, &registers);
  if (!seen[at]) printf("%016lx\n", first + at);
  seen[at] = 1;
  return 1;
}

// At the beginning of a system call, and harmlessly at its end.
static void keep_code(pid_t pid) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) return;
  if (registers.orig_rax != SYS_madvise || registers.rdx != MADV_DONTNEED || registers.rax != (unsigned long long)-ENOSYS) return;
  // The number of no system call, which by itself would fail.
  registers.orig_rax = ~0ULL;
  ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static void tell_changed_data(pid_t pid, const char *name) {
  const char *teller = getenv("CHANGED_DATA");
  char number[16];
  if (!teller) return;
  fflush(stdout);
  snprintf(number, sizeof number, "%d", pid);
  pid_t child = fork();
  if (child == 0) {
    execl(teller, teller, number, name, NULL);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) < 0 || status) fail(teller);
}

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  while (count < sizeof functions / sizeof *functions && scanf("%lx", &functions[count]) == 1) count++;
  if (!count || stat(argv[1], &program)) fail(argv[1]);
  first = functions[0], size = functions[count - 1] + 1 - first;
  text = malloc(size), seen = calloc(size, 1);
  if (!text || !seen) fail("memory");
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    for (int stream = 0; stream < 3; stream++) dup2(null, stream);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, child, 0, options)) fail("trace");
  ptrace(PTRACE_SYSCALL, child, 0, 0);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (pid == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && !plant(pid)) {
      ptrace(PTRACE_DETACH, pid, 0, 0);
      continue;
    }
    if (event == PTRACE_EVENT_EXIT) tell_changed_data(pid, argv[1]);
    if (signal == system_call) keep_code(pid);
    int ours = event || signal == SIGSTOP || signal == system_call || (signal == SIGTRAP && passed(pid));
    ptrace(PTRACE_SYSCALL, pid, 0, ours ? 0 : signal);
  }
  fail("wait");
}
