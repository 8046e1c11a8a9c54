// Starting a program in namespaces of its own, without copying this process's memory: as glibc's posix_spawn does it.
#include "berth_enclosure.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct start {
  const char *path;
  char *const *argv;
  char *const *envp;
  const int *descriptors;
  int count;
  int error;
};

// In the child, whose memory is the parent's and whose parent's thread waits: system calls alone.
static int run(void *argument) {
  struct start *start = argument;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  // SIGKILL, SIGSTOP and numbers that aren't signals refuse it, which is fine.
  for (int number = 1; number < _NSIG; number++) sigaction(number, &standard, NULL);
  for (int at = 0; at < start->count; at++) {
    if (dup2(start->descriptors[at], at) < 0) goto failed;
  }
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) goto failed;
  execve(start->path, start->argv, start->envp);
failed:
  start->error = errno;
  _exit(127);
}

#define STACK (64 * 1024)

int berth_spawn_apart(const char *path, char *const argv[], char *const envp[], const int *descriptors, int count, int network) {
  struct start start = {path, argv, envp, descriptors, count, 0};
  char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  int kinds = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (network ? 0 : CLONE_NEWNET);
  sigset_t all, before;
  sigfillset(&all);
  // No handler of this process's may run in the child.
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int child = clone(run, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD | kinds, &start);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  munmap(stack, STACK);
  if (child > 0 && start.error != 0) {
    waitpid(child, NULL, 0);
    error = start.error;
    child = -1;
  }
  errno = error;
  return child;
}
