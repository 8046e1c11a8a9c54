import BerthOCI

extension SeccompProfile {
  /// What containers get unless their manifest says otherwise: the same calls as Docker's default profile allows. Source:
  /// docs/security.md.
  public static let standard = SeccompProfile(
    rules: unconditional + exceptions + argumentRules + architectureRules + capabilityRules)

  private static func names(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

  private static func allow(_ text: String, _ args: [LinuxSeccomp.Argument] = []) -> LinuxSeccomp.Rule {
    LinuxSeccomp.Rule(names(text), args: args)
  }

  private static let unconditional: [Rule] = [
    // Files and directories.
    Rule(
      allow(
        """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64
        fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock
        fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
        getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat
        listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat
        name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat
        readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs
        statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
        utimensat_time64 utimes vmsplice write writev
        """)),
    // Waiting, events and asynchronous input and output.
    Rule(
      allow(
        """
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 io_cancel
        io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6
        pselect6_time64 select signalfd signalfd4
        """)),
    // Memory.
    Rule(
      allow(
        """
        brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap
        mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
        """)),
    // Processes, threads, signals and their attributes.
    Rule(
      allow(
        """
        capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake getcpu getegid
        getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getrandom getresgid
        getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid get_thread_area gettid getuid getuid32 ioprio_get
        ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64
        restart_syscall riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
        rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
        sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
        sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
        setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list
        setsid set_thread_area set_tid_address setuid setuid32 sigaltstack sigprocmask sigreturn sysinfo tgkill times tkill ugetrlimit uname
        uretprobe vfork wait4 waitid waitpid
        """)),
    // Time.
    Rule(
      allow(
        """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
        clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete timerfd_create timerfd_gettime
        timerfd_gettime64 timerfd_settime timerfd_settime64 timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
        """)),
    // Sockets and System V or POSIX IPC; `socket` itself looks at its family.
    Rule(
      allow(
        """
        accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr mq_notify mq_open mq_timedreceive
        mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg recvmmsg_time64
        recvmsg semctl semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown
        socketcall socketpair
        """)),
    // A process could read its children's memory past this filter on older kernels.
    Rule(allow("process_vm_readv process_vm_writev ptrace"), includes: Condition(minimumKernel: KernelVersion(major: 4, minor: 8))),
  ]

  /// Characters pushed into a terminal, as if they were typed there: TIOCSTI and TIOCLINUX. Docker's profile lets them through. The
  /// kernel looks at the lower half of the argument alone.
  private static let exceptions = [0x5412, 0x541c].map {
    Rule(LinuxSeccomp.Rule(["ioctl"], action: "SCMP_ACT_ERRNO", errno: 1, args: [.init(1, "SCMP_CMP_MASKED_EQ", 0xffff_ffff, $0)]))
  }

  private static let argumentRules: [Rule] =
    [
      // Neither AF_ALG (38) nor AF_VSOCK (40).
      Rule(allow("socket", [.init(0, "SCMP_CMP_LT", 38)])),
      Rule(allow("socket", [.init(0, "SCMP_CMP_EQ", 39)])),
      Rule(allow("socket", [.init(0, "SCMP_CMP_GT", 40)])),
    ]
    // Linux, UNAME26, 32-bit Linux, both, and asking.
    + [0x0, 0x0002_0000, 0x8, 0x0002_0008, 0xffff_ffff].map { Rule(allow("personality", [.init(0, "SCMP_CMP_EQ", $0)])) }

  private static let architectureRules: [Rule] = [
    Rule(allow("arch_prctl"), includes: Condition(architectures: ["amd64"])),
    Rule(allow("modify_ldt"), includes: Condition(architectures: ["amd64"])),
    Rule(
      allow("arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"),
      includes: Condition(architectures: ["arm64"])),
  ]

  /// CLONE_NEW* but the time namespace's, which clone cannot take: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
  private static let namespaceFlags: UInt64 = 0x7e02_0000

  private static let administration = """
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount
    mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
    """

  private static let capabilityRules: [Rule] =
    [
      ("CAP_DAC_READ_SEARCH", "open_by_handle_at"), ("CAP_SYS_ADMIN", administration), ("CAP_SYS_BOOT", "reboot"),
      ("CAP_SYS_CHROOT", "chroot"), ("CAP_SYS_MODULE", "delete_module init_module finit_module"), ("CAP_SYS_PACCT", "acct"),
      ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
      ("CAP_SYS_RAWIO", "iopl ioperm"), ("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
      ("CAP_SYS_TTY_CONFIG", "vhangup"), ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
      ("CAP_SYSLOG", "syslog"), ("CAP_BPF", "bpf"), ("CAP_PERFMON", "perf_event_open"),
    ].map { Rule(allow($0.1), includes: Condition(capabilities: [$0.0])) } + [
      Rule(
        allow("clone", [.init(0, "SCMP_CMP_MASKED_EQ", namespaceFlags, 0)]), excludes: Condition(capabilities: ["CAP_SYS_ADMIN"])),
      // Its flags are behind a pointer: the C library falls back to clone when it seems not to be there.
      Rule(
        LinuxSeccomp.Rule(["clone3"], action: "SCMP_ACT_ERRNO", errno: 38), excludes: Condition(capabilities: ["CAP_SYS_ADMIN"])),
    ]
}
