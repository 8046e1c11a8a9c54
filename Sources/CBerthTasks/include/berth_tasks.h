// Swift's tasks without libdispatch, whose pool of threads wakes up every second to look after itself.
#ifndef BERTH_TASKS_H
#define BERTH_TASKS_H
#include <stdint.h>

// From now on every job that asks for no executor of its own is given to `enqueue`, and every one that is to run later to `enqueue_later`
// with the time on CLOCK_BOOTTIME. To be called before the first task is made. Neither may block.
void berth_tasks_take_over(void (*enqueue)(void *job), void (*enqueue_later)(void *job, int64_t boot_nanoseconds));

// Runs a job to where it waits or ends, on the calling thread.
void berth_task_run(void *job);

#endif
