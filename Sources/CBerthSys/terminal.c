#include "berth_terminal.h"
#include <sys/ioctl.h>
#include <sys/prctl.h>

int berth_copy_terminal_size(int from, int to) {
  struct winsize size;
  return ioctl(from, TIOCGWINSZ, &size) || ioctl(to, TIOCSWINSZ, &size) ? -1 : 0;
}

int berth_terminal_size(int number, uint16_t *rows, uint16_t *columns) {
  struct winsize size;
  if (ioctl(number, TIOCGWINSZ, &size)) return -1;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return 0;
}

int berth_make_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
