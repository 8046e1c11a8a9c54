extension RuntimeSpec {
  /// Source: config-linux.md.
  public struct Linux: Sendable, Hashable {
    public var namespaces: [Namespace] = []
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []
    public var devices: [Device] = []
    /// Absolute: from the root of the cgroup mounts.
    public var cgroupsPath: String?
    public var resources: Resources?
    /// `kernel.shm_rmid_forced` → value.
    public var sysctl: [String: String] = [:]
    public var seccomp: LinuxSeccomp?
    public var maskedPaths: [String] = []
    public var readonlyPaths: [String] = []
    /// `private`, `slave`, `shared`, `unbindable`, each also with an `r` before it.
    public var rootfsPropagation: String?
    public var mountLabel: String?
    /// Interfaces of the node's network that the container takes over, and what they are called in it.
    public var netDevices: [String: String] = [:]
    public var personality: Personality?
    public var memoryPolicy: MemoryPolicy?
    /// By clock: `monotonic`, `boottime`.
    public var timeOffsets: [String: TimeOffset] = [:]
    public init() {}
  }

  /// A namespace's kind as config.json spells it.
  public enum NamespaceKind: String, Sendable, Hashable, CaseIterable { case pid, network, mount, ipc, uts, user, cgroup, time }

  /// A namespace to make, or with a path one to join.
  public struct Namespace: Sendable, Hashable {
    public var type: NamespaceKind
    public var path: String?
    public init(_ type: NamespaceKind, path: String? = nil) {
      self.type = type
      self.path = path
    }
  }

  /// What a clock of a new time namespace is ahead by. Source: config-linux.md "Time offsets".
  public struct TimeOffset: Sendable, Hashable {
    public var seconds: Int64
    public var nanoseconds: UInt32
    public init(seconds: Int64, nanoseconds: UInt32 = 0) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  public enum DeviceType: String, Sendable, Hashable {
    case character = "c"
    case unbufferedCharacter = "u"
    case block = "b"
    case fifo = "p"
  }

  /// A device node to make. Source: config-linux.md "Devices".
  public struct Device: Sendable, Hashable {
    public var path: String
    public var type: DeviceType
    public var major: UInt32
    public var minor: UInt32
    public var fileMode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public init(_ path: String, _ type: DeviceType, major: UInt32, minor: UInt32, fileMode: UInt32? = nil) {
      self.path = path
      self.type = type
      self.major = major
      self.minor = minor
      self.fileMode = fileMode
    }
  }

  /// Source: config-linux.md "Control groups".
  public struct Resources: Sendable, Hashable {
    /// Later rules win over earlier ones.
    public var devices: [DeviceRule] = []
    public var memory = Memory()
    public var cpu = CPU()
    public var pids: Int64?
    public var blockIOWeight: UInt16?
    public var blockIOLeafWeight: UInt16?
    public var weightDevices: [WeightDevice] = []
    public var throttles: [Throttle] = []
    public var hugepageLimits: [HugepageLimit] = []
    public var rdma: [RDMALimit] = []
    public var network = NetworkMarks()
    /// Files of cgroup v2 and their values.
    public var unified: [String: String] = [:]
    public init() {}
  }

  /// What a limit of a block device's traffic counts, as config.json names it without `throttle` and `Device`.
  public enum ThrottleKind: String, Sendable, Hashable, CaseIterable {
    case readBytes = "ReadBps"
    case writeBytes = "WriteBps"
    case readOperations = "ReadIOPS"
    case writeOperations = "WriteIOPS"
  }

  /// A limit of a block device's traffic, a second; 0: none.
  public struct Throttle: Sendable, Hashable {
    public var kind: ThrottleKind
    public var major: UInt32
    public var minor: UInt32
    public var rate: UInt64
    public init(_ kind: ThrottleKind, major: UInt32, minor: UInt32, rate: UInt64) {
      self.kind = kind
      self.major = major
      self.minor = minor
      self.rate = rate
    }
  }

  public enum DeviceRuleType: String, Sendable, Hashable {
    case all = "a"
    case character = "c"
    case block = "b"
  }

  /// Access to a class of devices. Source: config-linux.md "Allowed Device list".
  public struct DeviceRule: Sendable, Hashable {
    public var allow: Bool
    public var type: DeviceRuleType
    /// nil: any.
    public var major: UInt32?
    /// nil: any.
    public var minor: UInt32?
    /// Of `r`, `w` and `m`.
    public var access: String
    public init(allow: Bool, _ type: DeviceRuleType = .all, major: UInt32? = nil, minor: UInt32? = nil, access: String = "rwm") {
      self.allow = allow
      self.type = type
      self.major = major
      self.minor = minor
      self.access = access
    }
  }

  /// In bytes; -1 is unlimited, nil leaves as it is.
  public struct Memory: Sendable, Hashable {
    public var limit: Int64?
    public var reservation: Int64?
    /// Memory and swap together.
    public var swap: Int64?
    public var swappiness: UInt64?
    /// Of kernel memory: it is part of `limit` on every kernel that Berth runs on, so that this says nothing of its own.
    public var kernel: Int64?
    public var kernelTCP: Int64?
    public var useHierarchy: Bool?
    public var disableOOMKiller: Bool?
    public var checkBeforeUpdate: Bool?
    public init() {}
  }

  /// Source: config-linux.md "CPU".
  public struct CPU: Sendable, Hashable {
    /// 2 to 262144, relative; 1024 is the kernel's default.
    public var shares: UInt64?
    /// Microseconds of CPU time a period; -1 is unlimited.
    public var quota: Int64?
    /// Microseconds.
    public var period: UInt64?
    public var burst: UInt64?
    /// Microseconds of real-time scheduling a period, of cgroup v1.
    public var realtimeRuntime: Int64?
    public var realtimePeriod: UInt64?
    /// Lists such as `0-3,7`.
    public var cpus: String?
    public var mems: String?
    public var idle: Int64?
    public init() {}
  }

  /// `pageSize` as the kernel spells it: `2MB`. `limit` in bytes.
  public struct HugepageLimit: Sendable, Hashable {
    public var pageSize: String
    public var limit: UInt64
    public init(pageSize: String, limit: UInt64) {
      self.pageSize = pageSize
      self.limit = limit
    }
  }
}

/// A seccomp filter as config.json says it. Source: config-linux.md "Seccomp".
public struct LinuxSeccomp: Sendable, Hashable {
  /// `SCMP_ACT_ALLOW`, `SCMP_ACT_ERRNO`, …
  public var defaultAction: String
  public var defaultErrno: UInt32?
  /// `SCMP_ARCH_X86_64`, …; empty: the node's own.
  public var architectures: [String] = []
  /// `SECCOMP_FILTER_FLAG_LOG`, …
  public var flags: [String] = []
  public var listenerPath: String?
  public var listenerMetadata: String?
  public var syscalls: [Rule] = []
  public init(defaultAction: String, defaultErrno: UInt32? = nil) {
    self.defaultAction = defaultAction
    self.defaultErrno = defaultErrno
  }

  /// Whether some calls are somebody's to answer outside of the container.
  public var notifies: Bool { syscalls.contains { $0.action == "SCMP_ACT_NOTIFY" } }

  /// All `names` with all `args` matching take `action`.
  public struct Rule: Sendable, Hashable {
    public var names: [String]
    public var action: String
    public var errno: UInt32?
    public var args: [Argument]
    public init(_ names: [String], action: String = "SCMP_ACT_ALLOW", errno: UInt32? = nil, args: [Argument] = []) {
      self.names = names
      self.action = action
      self.errno = errno
      self.args = args
    }
  }

  /// A comparison with the argument of number `index` (0 to 5).
  public struct Argument: Sendable, Hashable {
    public var index: UInt32
    public var value: UInt64
    /// The second operand of `SCMP_CMP_MASKED_EQ`: (argument & value) == valueTwo.
    public var valueTwo: UInt64
    /// `SCMP_CMP_EQ`, …
    public var op: String
    public init(_ index: UInt32, _ op: String, _ value: UInt64, _ valueTwo: UInt64 = 0) {
      self.index = index
      self.value = value
      self.valueTwo = valueTwo
      self.op = op
    }
  }
}
