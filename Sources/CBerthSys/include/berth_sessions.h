// Descriptors that travel between a client and the keeper of a process. Each returns -1 and sets errno on failure.
#ifndef BERTH_SESSIONS_H
#define BERTH_SESSIONS_H
#include <stddef.h>
#include <sys/types.h>

enum { BERTH_MOST_PASSED = 3 };

// One message with `count` descriptors, at most BERTH_MOST_PASSED. Doesn't wait.
ssize_t berth_send_passing(int socket, const void *bytes, size_t length, const int *passed, int count);

// One message, without waiting. `passed` has room for BERTH_MOST_PASSED; *count is how many came, close-on-exec. More than that are
// closed by the kernel, and the message counts as truncated. The return is the message's own length, which may be more than `length`.
ssize_t berth_receive_passed(int socket, void *bytes, size_t length, int *passed, int *count);

#endif
