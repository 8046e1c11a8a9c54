import BerthOCI

/// What a pod's containers get unless their manifest says otherwise. Source: docs/security.md.
public enum ContainerDefaults {
  /// Docker's 14.
  public static let capabilities = [
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
  ]

  public static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

  /// `cpus`: how many CPUs the node has configured; each one's thermal_throttle is masked.
  public static func maskedPaths(cpus: Int) -> [String] {
    [
      "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
      "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ] + (0..<max(0, cpus)).map { "/sys/devices/system/cpu/cpu\($0)/thermal_throttle" }
  }

  /// /proc, /dev and what is below it, /sys and /sys/fs/cgroup, in the order to mount them.
  ///
  /// `shm` is the pod's shared /dev/shm, a directory of the node; nil gives the container one of its own with `shmBytes`.
  public static func mounts(shm: String? = nil, shmBytes: Int64 = 64 << 20) -> [RuntimeSpec.Mount] {
    typealias Mount = RuntimeSpec.Mount
    var mounts = [
      Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
      Mount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      Mount(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
      Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
    ]
    if let shm {
      mounts.append(Mount(destination: "/dev/shm", type: "bind", source: shm, options: ["rbind", "nosuid", "noexec", "nodev"]))
    } else {
      mounts.append(
        Mount(
          destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=\(shmBytes)"]))
    }
    // Its own instance also on the node's network: a bind of the node's /sys would bring what is mounted below it.
    mounts.append(Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]))
    mounts.append(
      Mount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]))
    return mounts
  }

  /// What the devices controller lets through; everything else is denied.
  public static let deviceRules: [RuntimeSpec.DeviceRule] =
    [
      RuntimeSpec.DeviceRule(allow: false),
      RuntimeSpec.DeviceRule(allow: true, .character, access: "m"),
      RuntimeSpec.DeviceRule(allow: true, .block, access: "m"),
    ]
    + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map { (major: UInt32, minor: UInt32) in
      RuntimeSpec.DeviceRule(allow: true, .character, major: major, minor: minor)
    } + [RuntimeSpec.DeviceRule(allow: true, .character, major: 136)]

  /// Every device that no rule allows is denied, and the standard ones, which every container has, are always allowed; so is making
  /// nodes, which says nothing about opening them: the interpreter makes some while the limits come into force.
  public static func complete(_ rules: [RuntimeSpec.DeviceRule]) -> [RuntimeSpec.DeviceRule] {
    let denyAll = RuntimeSpec.DeviceRule(allow: false)
    let given = rules.first == denyAll ? rules : [denyAll] + rules
    return given + deviceRules.dropFirst().filter { !given.contains($0) }
  }

  /// Open files 1024 to 524288, no core dumps, 8 MiB of locked memory.
  public static let rlimits = [
    RuntimeSpec.Rlimit("RLIMIT_NOFILE", soft: 1024, hard: 524_288),
    RuntimeSpec.Rlimit("RLIMIT_CORE", soft: 0, hard: 0),
    RuntimeSpec.Rlimit("RLIMIT_MEMLOCK", soft: 8 << 20, hard: 8 << 20),
  ]

  /// The namespaces of a container whose pod's shim has made network, ipc and uts already.
  public static let podNamespaces: [RuntimeSpec.Namespace] = [.init(.mount), .init(.pid), .init(.cgroup)]
}
