// For code that runs at a program's entry point, before the C library's own start: no errno, no thread-local storage, no function of it.
#ifndef BERTH_ENTRY_H
#define BERTH_ENTRY_H

// Defines the entry point `name`: it calls `function` with the stack as the kernel left it (argc, argv, NULL, environment), and goes on
// to the C library's start if that returns.
#if defined(__x86_64__)
// rdx holds a function for exit, in a program with shared libraries.
#define BERTH_ENTRY(name, function) \
  __asm__(".text\n.globl " name "\n.type " name ", @function\n" name ":\n" \
          "  xor %ebp, %ebp\n  mov %rsp, %rdi\n  push %rdx\n  sub $8, %rsp\n  call " function "\n" \
          "  add $8, %rsp\n  pop %rdx\n  jmp _start\n" \
          ".size " name ", . - " name "\n")

static inline long berth_call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
#define BERTH_ENTRY(name, function) \
  __asm__(".text\n.globl " name "\n.type " name ", %function\n" name ":\n" \
          "  mov x29, xzr\n  stp x0, xzr, [sp, #-16]!\n  add x0, sp, #16\n  bl " function "\n  ldp x0, x30, [sp], #16\n  b _start\n" \
          ".size " name ", . - " name "\n")

static inline long berth_call(long number, long a, long b, long c, long d, long e) {
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

static inline int berth_is_word(const char *word, const char *other) {
  while (*word && *word == *other) word++, other++;
  return *word == *other;
}

#endif
