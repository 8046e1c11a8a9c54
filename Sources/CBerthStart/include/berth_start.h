// What a small program does instead of parts of the standard library's start: see start.c. Linking it is enough.
#ifndef BERTH_START_H
#define BERTH_START_H

#include <stdbool.h>

char **_swift_stdlib_getUnsafeArgvArgc(int *count);
extern const unsigned char _swift_backtraceSettings[1024];
bool _swift_backtrace_isThunkFunction(const char *name);

#endif
