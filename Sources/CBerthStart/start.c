// A static program takes from libswiftCore.a what it has a use for. Two parts of it are used by every program and do work before main
// that a program which is started for every container, and lives for milliseconds, doesn't need; with these definitions of the functions
// that they are used by, they stay out:
// - CommandLine.cpp looks for the arguments in /proc/self/maps. The C library hands them to each initializer.
// - Backtrace.cpp looks for a program that could tell of a crash, swift-backtrace: ten files, and from the sealed copy of a program, whose
//   folder is nowhere, below the working directory, which is a bundle's. What happened in a crash is seen by its exit code.
#include "berth_start.h"

static int argument_count;
static char **arguments;

__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

char **_swift_stdlib_getUnsafeArgvArgc(int *count) {
  *count = argument_count;
  return arguments;
}

// Its members' zeros all mean off.
const unsigned char _swift_backtraceSettings[1024];

// Asked for names of functions in a backtrace, of which there are none.
bool _swift_backtrace_isThunkFunction(const char *name) {
  (void)name;
  return false;
}
