// Starting a program in control groups other than the caller's.
#ifndef BERTH_SPAWN_H
#define BERTH_SPAWN_H

// Where a process is to be at home.
struct berth_home {
  // The directory of a v2 group, in which it is born; -1: its parent's.
  int group;
  // `tasks` of v1 groups, open for writing, which it joins before it executes.
  const int *tasks;
  int task_count;
  // Out: what joining the first that it couldn't join failed with; 0 if it is in all of them.
  int error;
};

// Starts a program in a session of its own and the groups of `home`. Descriptor `numbers[i]` is a copy of `descriptors[i]`, which is above
// all of `numbers`; all others must close on exec. Signals are as after posix_spawn with all of them reset. The process's number, or -1
// and what clone or exec failed with. The caller reaps it.
int berth_spawn_at_home(
    const char *path, char *const argv[], char *const envp[], const int *numbers, const int *descriptors, int count,
    struct berth_home *home);

#endif
