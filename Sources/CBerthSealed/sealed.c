// The program of a process inside a container can be reached from there, by /proc/PID/exe or by a command that leads to /proc/self/exe:
// whoever is root in the container could write to it once it ends. So the program is executed anew through a mount of its own that is
// read-only and attached nowhere, where nobody can change that.
//
// This is the program's entry point, before the C library's own start: that asks the processor for the sizes of its caches, which takes
// half a millisecond in a virtual machine and would be paid twice. So nothing of the library is there: no errno, no thread-local
// storage, no function of it.
#include "berth_sealed.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define ST_RDONLY 1
#define AT_FDCWD_ (-100L)

#if defined(__x86_64__)
// The stack as the kernel left it becomes the argument; rdx holds a function for exit, in a program with shared libraries.
__asm__(".text\n.globl berth_start\n.type berth_start, @function\nberth_start:\n"
        "  xor %ebp, %ebp\n  mov %rsp, %rdi\n  push %rdx\n  sub $8, %rsp\n  call berth_execute_sealed\n"
        "  add $8, %rsp\n  pop %rdx\n  jmp _start\n"
        ".size berth_start, . - berth_start\n");

static inline long call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(".text\n.globl berth_start\n.type berth_start, %function\nberth_start:\n"
        "  mov x29, xzr\n  stp x0, xzr, [sp, #-16]!\n  add x0, sp, #16\n  bl berth_execute_sealed\n  ldp x0, x30, [sp], #16\n  b _start\n"
        ".size berth_start, . - berth_start\n");

static inline long call(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#else
#error "no entry point for this architecture"
#endif

static int is(const char *word, const char *other) {
  while (*word && *word == *other) word++, other++;
  return *word == *other;
}

// Rather a call too many: any word may be an option's value.
static int enters_container(char **argv) {
  for (; *argv; argv++)
    if (is(*argv, "create") || is(*argv, "run") || is(*argv, "exec")) return 1;
  return 0;
}

// What fails here is told by the program itself, which looks whether it is sealed.
__attribute__((used, no_stack_protector)) void berth_execute_sealed(long *stack) {
  static const char self[] = "/proc/self/exe";
  long argc = *stack;
  char **argv = (char **)(stack + 1), **environment = argv + argc + 1;
  if (argc < 2 || !enters_container(argv + 1)) return;
  struct statfs status;
  if (call(SYS_statfs, (long)self, (long)&status, 0, 0, 0) || status.f_flags & ST_RDONLY) return;
  long program = call(SYS_openat, AT_FDCWD_, (long)self, O_PATH | O_CLOEXEC, 0, 0);
  if (program < 0) return;
  long copy = call(SYS_open_tree, program, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);
  call(SYS_close, program, 0, 0, 0, 0);
  if (copy < 0) return;
  // Member by member: the compiler would call the library for the whole.
  volatile struct mount_attr attributes;
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  attributes.attr_clr = 0;
  attributes.propagation = 1 << 18;  // MS_PRIVATE
  attributes.userns_fd = 0;
  if (!call(SYS_mount_setattr, copy, (long)"", AT_EMPTY_PATH, (long)&attributes, sizeof attributes))
    call(SYS_execveat, copy, (long)"", (long)argv, (long)environment, AT_EMPTY_PATH);
  call(SYS_close, copy, 0, 0, 0, 0);
}
