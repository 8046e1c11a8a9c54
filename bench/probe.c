// The container's command in the benchmarks. Its first act is to look at the clock; it then writes the time to a FIFO (one line of
// nanoseconds of CLOCK_MONOTONIC, which all namespaces share) and waits for its end. Without an argument it only waits.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(int count, char **arguments) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  signal(SIGTERM, end);
  signal(SIGINT, end);
  if (count > 1) {
    char line[32];
    int length = snprintf(line, sizeof line, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    int fifo = open(arguments[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0 || write(fifo, line, (size_t)length) != length) return 1;
    close(fifo);
  }
  for (;;) pause();
}
