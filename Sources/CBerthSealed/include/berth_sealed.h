// The program's entry point: see sealed.c. Nothing is to be called from outside.
#ifndef BERTH_SEALED_H
#define BERTH_SEALED_H

void berth_start(void);

#endif
