"""usage: inject_syscall.py PID NUMBER: has a stopped-in-a-system-call process make another one (x86-64), as code that took it over would."""
import ctypes, os, sys

ATTACH, DETACH, GETREGS, SETREGS = 16, 17, 12, 13
# r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip …
RAX, RDI, ORIG_RAX, RIP = 10, 14, 15, 16
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


pid, number = int(sys.argv[1]), int(sys.argv[2])
ptrace(ATTACH, pid)
os.waitpid(pid, 0x40000000)  # __WALL
registers = (ctypes.c_ulong * 27)()
ptrace(GETREGS, pid, registers)
# Behind the two bytes of `syscall`: once more, with another number, and no restart of the old one.
registers[RIP] -= 2
registers[RAX] = number
registers[ORIG_RAX] = 2**64 - 1
registers[RDI] = 0
ptrace(SETREGS, pid, registers)
ptrace(DETACH, pid)
