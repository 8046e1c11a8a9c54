// The entry point of a program that can be a container's init: see reaper.c. Nothing is to be called from outside.
#ifndef BERTH_REAPER_H
#define BERTH_REAPER_H

void berth_start_or_reap(void);

#endif
