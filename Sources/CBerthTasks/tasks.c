#include "berth_tasks.h"
#include <stddef.h>
#include <time.h>

#define SWIFTCC __attribute__((swiftcall))

// The hooks that the concurrency runtime has for exactly this: swift/Runtime/Concurrency.h "Concurrency hooks".
typedef SWIFTCC void enqueue_original(void *job);
typedef SWIFTCC void delay_original(uint64_t delay, void *job);
typedef SWIFTCC void deadline_original(long long sec, long long nsec, long long tsec, long long tnsec, int clock, void *job);

extern SWIFTCC void (*swift_task_enqueueGlobal_hook)(void *job, enqueue_original *original);
extern SWIFTCC void (*swift_task_enqueueGlobalWithDelay_hook)(uint64_t delay, void *job, delay_original *original);
extern SWIFTCC void (*swift_task_enqueueGlobalWithDeadline_hook)(
    long long sec, long long nsec, long long tsec, long long tnsec, int clock, void *job, deadline_original *original);

// The executor of no actor is two words of zero.
extern SWIFTCC void swift_job_run(void *job, void *identity, uintptr_t implementation);

// ContinuousClock's and SuspendingClock's numbers in the runtime.
enum { CONTINUOUS = 1, SUSPENDING = 2 };

static void (*enqueue_now)(void *);
static void (*enqueue_later)(void *, int64_t);

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// For what lies further ahead than 64 bits reach.
static int64_t add(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static SWIFTCC void on_enqueue(void *job, enqueue_original *original) {
    (void)original;
    enqueue_now(job);
}

static SWIFTCC void on_delay(uint64_t delay, void *job, delay_original *original) {
    (void)original;
    enqueue_later(job, add(nanoseconds(CLOCK_BOOTTIME), delay > INT64_MAX ? INT64_MAX : (int64_t)delay));
}

static SWIFTCC void on_deadline(
    long long sec, long long nsec, long long tsec, long long tnsec, int clock, void *job, deadline_original *original) {
    (void)tsec;
    (void)tnsec;
    (void)original;
    int64_t due = sec > INT64_MAX / 1000000000 ? INT64_MAX : add(sec * 1000000000, nsec);
    if (clock != CONTINUOUS) {
        clockid_t own = clock == SUSPENDING ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        due = due == INT64_MAX ? due : add(nanoseconds(CLOCK_BOOTTIME), due - nanoseconds(own));
    }
    enqueue_later(job, due);
}

void berth_tasks_take_over(void (*now)(void *), void (*later)(void *, int64_t)) {
    enqueue_now = now;
    enqueue_later = later;
    swift_task_enqueueGlobal_hook = on_enqueue;
    swift_task_enqueueGlobalWithDelay_hook = on_delay;
    swift_task_enqueueGlobalWithDeadline_hook = on_deadline;
}

void berth_task_run(void *job) { swift_job_run(job, NULL, 0); }
