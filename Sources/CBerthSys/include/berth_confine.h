// Giving rights up, and names of signals.
#ifndef BERTH_CONFINE_H
#define BERTH_CONFINE_H
#include <stdint.h>

// No new privileges, only the capabilities of the mask `keep`, no core dumps, not dumpable, umask 0, descriptors from 3 on closed,
// SIGKILL at the parent's death. -1 and errno at the first of it that fails.
int berth_confine(uint64_t keep);

// `KILL` for 9, static; NULL for an unknown number.
const char *berth_signal_name(int number);

#endif
