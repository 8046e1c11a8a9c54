// Terminals, and what a container runtime does to itself. Each returns -1 and sets errno on failure.
#ifndef BERTH_TERMINAL_H
#define BERTH_TERMINAL_H
#include <stdint.h>

// ioctl_tty(2): the size of terminal `from` for terminal `to`.
int berth_copy_terminal_size(int from, int to);
int berth_terminal_size(int number, uint16_t *rows, uint16_t *columns);

// prctl(2), PR_SET_DUMPABLE 0: no process of the container's can look into this one.
int berth_make_undumpable(void);

#endif
