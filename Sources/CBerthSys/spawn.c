// Starting a program in namespaces or control groups of its own, without copying this process's memory: as glibc's posix_spawn does it.
#include "berth_enclosure.h"
#include "berth_spawn.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct start {
  const char *path;
  char *const *argv;
  char *const *envp;
  // NULL: 0, 1, 2…
  const int *numbers;
  const int *descriptors;
  int count;
  // NULL: the caller's session and groups, and namespaces of its own.
  struct berth_home *home;
  int error;
};

// A single thread that moves itself needs none of the locks that moving another process does.
static void join_groups(struct berth_home *home) {
  for (int at = 0; at < home->task_count; at++) {
    if (write(home->tasks[at], "0", 1) != 1 && home->error == 0) home->error = errno;
  }
}

// In the child, whose memory is the parent's and whose parent's thread waits: system calls alone.
static int run(void *argument) {
  struct start *start = argument;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  // SIGKILL, SIGSTOP and numbers that aren't signals refuse it, which is fine.
  for (int number = 1; number < _NSIG; number++) sigaction(number, &standard, NULL);
  if (start->home != NULL) {
    join_groups(start->home);
    if (setsid() < 0) goto failed;
  }
  for (int at = 0; at < start->count; at++) {
    if (dup2(start->descriptors[at], start->numbers != NULL ? start->numbers[at] : at) < 0) goto failed;
  }
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) goto failed;
  execve(start->path, start->argv, start->envp);
failed:
  start->error = errno;
  _exit(127);
}

// clone3(2) of a process that begins in `run` on a stack of its own, for which glibc has no function.
static long clone_onto(struct clone_args *arguments, struct start *start) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[start], %%rdi\n\t"
      "call *%[run]\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments), [start] "r"(start), [run] "r"(run)
      : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long result __asm__("x0") = (long)arguments;
  register long size __asm__("x1") = sizeof *arguments;
  register long number __asm__("x8") = SYS_clone3;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[start]\n\t"
      "blr %[run]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(size), "r"(number), [start] "r"(start), [run] "r"(run)
      : "memory");
#else
#error "no clone3 onto another stack for this architecture"
#endif
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

#define STACK (64 * 1024)

static long clone_at_home(char *stack, struct start *start) {
  struct clone_args arguments = {
      .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD, .stack = (uint64_t)(uintptr_t)stack, .stack_size = STACK};
  if (start->home->group >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)start->home->group;
  }
  return clone_onto(&arguments, start);
}

// `kinds` of namespaces; 0 for a process with a home.
static int spawn(struct start *start, int kinds) {
  char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  sigset_t all, before;
  sigfillset(&all);
  // No handler of this process's may run in the child.
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int child = start->home != NULL ? (int)clone_at_home(stack, start)
                                  : clone(run, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD | kinds, start);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  munmap(stack, STACK);
  if (child > 0 && start->error != 0) {
    waitpid(child, NULL, 0);
    error = start->error;
    child = -1;
  }
  errno = error;
  return child;
}

int berth_spawn_apart(const char *path, char *const argv[], char *const envp[], const int *descriptors, int count, int network) {
  struct start start = {.path = path, .argv = argv, .envp = envp, .descriptors = descriptors, .count = count};
  return spawn(&start, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (network ? 0 : CLONE_NEWNET));
}

int berth_spawn_at_home(
    const char *path, char *const argv[], char *const envp[], const int *numbers, const int *descriptors, int count,
    struct berth_home *home) {
  struct start start = {
      .path = path, .argv = argv, .envp = envp, .numbers = numbers, .descriptors = descriptors, .count = count, .home = home};
  home->error = 0;
  return spawn(&start, 0);
}
