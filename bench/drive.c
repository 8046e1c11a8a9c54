// Does a thing and says how many milliseconds later the probes it started looked at their clocks.
//   drive FIFO COUNT rename FROM TO        renames every *.toml of FROM into TO
//   drive FIFO COUNT run PROGRAM ARG…      starts a program
// Prints the time from just before the first act to the last of COUNT probes' first instruction.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void rename_all(const char *from, const char *to) {
  struct dirent **entries;
  int count = scandir(from, &entries, NULL, alphasort);
  if (count < 0) fail(from);
  for (int at = 0; at < count; at++) {
    const char *name = entries[at]->d_name;
    size_t length = strlen(name);
    if (length < 6 || strcmp(name + length - 5, ".toml") != 0) continue;
    char source[4096], target[4096];
    snprintf(source, sizeof source, "%s/%s", from, name);
    snprintf(target, sizeof target, "%s/%s", to, name);
    if (rename(source, target) != 0) fail(target);
  }
}

// The newest time that `count` lines of the FIFO tell; gives up after a minute without one.
static long long last_report(int fifo, int count) {
  char text[65536];
  size_t filled = 0;
  long long newest = 0;
  while (count > 0) {
    struct pollfd wait = {.fd = fifo, .events = POLLIN};
    if (poll(&wait, 1, 60000) != 1) {
      fprintf(stderr, "%d probes did not report within a minute\n", count);
      exit(1);
    }
    ssize_t got = read(fifo, text + filled, sizeof text - 1 - filled);
    if (got < 0) fail("read");
    filled += (size_t)got;
    text[filled] = 0;
    char *line = text;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count--) {
      long long time = atoll(line);
      if (time > newest) newest = time;
    }
    filled = strlen(line);
    memmove(text, line, filled);
  }
  return newest;
}

int main(int count, char **arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: drive FIFO COUNT rename FROM TO | drive FIFO COUNT run PROGRAM ARG...\n");
    return 64;
  }
  // Open for both, so that the FIFO never runs out of writers between two probes.
  int fifo = open(arguments[1], O_RDWR | O_CLOEXEC);
  if (fifo < 0) fail(arguments[1]);
  int probes = atoi(arguments[2]);
  pid_t child = 0;
  long long begun = now();
  if (strcmp(arguments[3], "rename") == 0 && count == 6) {
    rename_all(arguments[4], arguments[5]);
  } else {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    if (posix_spawnp(&child, arguments[4], &actions, NULL, arguments + 4, environ) != 0) fail(arguments[4]);
  }
  long long reported = last_report(fifo, probes);
  int status = 0;
  if (child > 0 && (waitpid(child, &status, 0) != child || status != 0)) {
    fprintf(stderr, "%s failed\n", arguments[4]);
    return 1;
  }
  printf("%.3f\n", (reported - begun) / 1e6);
  return 0;
}
