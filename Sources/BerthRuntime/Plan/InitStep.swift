import BerthOCI

/// A place where the plan keeps a descriptor between two steps.
public enum InitSlot: Int32, Sendable, Hashable {
  case root, context, mount, target, proc, nullDevice, empty
}

/// What a device node is: its kind and permission bits, its number and its owner.
public struct NodeSpec: Sendable, Hashable {
  /// As mknod(2) takes it.
  public var mode: UInt32
  public var major: UInt32
  public var minor: UInt32
  public var uid: UInt32
  public var gid: UInt32

  /// The kernel's packing of major and minor, as makedev(3).
  public var number: UInt64 {
    let major = UInt64(major)
    let minor = UInt64(minor)
    return (major & 0xfff) << 8 | (major & ~0xfff) << 32 | (minor & 0xff) | (minor & ~0xff) << 12
  }
}

/// How a path below the root is resolved.
public struct ResolveFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Make what is missing.
  public static let create = ResolveFlags(rawValue: 2)
  /// Refuse to end up in a proc file system.
  public static let noProc = ResolveFlags(rawValue: 4)
  /// Refuse every symlink on the way.
  public static let noSymlinks = ResolveFlags(rawValue: 8)
}

/// One operation of the post-clone interpreter. `CBerthInit/include/berth_init.h` says what each does.
public enum InitStep: Sendable, Hashable {
  /// The root slot is what this process has as its root.
  case rootHere
  /// A terminal of the container's own devpts; its other side goes over `socket`. With `attached`, it is /dev/console too.
  case console(socket: Int32, uid: UInt32, size: RuntimeSpec.ConsoleSize?, attached: Bool)
  case find(command: String, candidates: [String])
  /// What is in the target is copied into the mount that is to cover it.
  case copyUp(keepsMode: Bool, keepsOwner: Bool)
  case gate(UInt32, listener: Int32)
  case standardStreams(stdin: Int32, stdout: Int32, stderr: Int32)
  case defaultSignals
  case newSession
  case guardProcess
  case closeOnExec(from: Int32)
  /// All of `kinds` (CLONE_NEW*) that the process behind a pidfd has.
  case joinMember(descriptor: Int32, kinds: UInt64)
  case joinCgroup(CgroupJoin)
  case joinNamespace(RuntimeSpec.NamespaceKind, descriptor: Int32)
  case propagation(String, UInt64)
  case descriptor(InitSlot, Int32)
  case openContext(String)
  case setParameter(String, String)
  case setFlag(String)
  case makeMount(InitSlot, MountAttributes)
  case copyTree(String, below: String, recursive: Bool)
  case changeMount(InitSlot, set: MountAttributes, clear: MountAttributes, propagation: UInt64, recursive: Bool)
  case attachRoot(String)
  case directory(String, ResolveFlags)
  case mountTarget(String, ResolveFlags)
  case attach
  case node(String, NodeSpec)
  case link(String, to: String)
  case nullDevice(String)
  case mask(String)
  case readOnly(String)
  case pivot
  case hostname(String)
  case domainname(String)
  case sysctl(String, String)
  case synchronise(UInt32)
  /// As `synchronise`, but the process goes on until it comes to `awaitWord`.
  case tell(UInt32)
  /// Until the launcher has done what only it can.
  case awaitWord
  case unshare(RuntimeSpec.NamespaceKind)
  case keyring(String)
  case rlimit(Int32, soft: UInt64, hard: UInt64)
  case oomScore(Int32)
  /// Into the process's own file below proc, and read back.
  case label(file: String, String)
  case scheduler(SchedulerAttributes)
  /// Class and level as ioprio_set(2) packs them.
  case ioPriority(UInt64)
  /// One bit a CPU.
  case affinity([UInt8])
  /// MPOL_* with its flags, one bit a NUMA node.
  case memoryPolicy(UInt64, nodes: [UInt8])
  case personality(UInt64)
  case umask(UInt32)
  case boundingSet(CapabilitySet)
  case user(uid: UInt32, gid: UInt32, groups: [UInt32])
  case capabilities(effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet)
  case ambientSet(CapabilitySet)
  case noNewPrivileges
  case seccomp([UInt8], flags: UInt32)
  case seccompListening([UInt8], flags: UInt32, SeccompListener)
  /// The launcher is told that nothing is left but exec, and is needed no more.
  case announce
  /// A child goes on; this process becomes its init: `program`, open. `only`: there is no child.
  case split(program: Int32, only: Bool, terminal: Bool)
  case changeDirectory(String, mayWait: Bool)
  case ownStreams(uid: UInt32)
  case execute(candidates: [String], arguments: [String], environment: [String])
}
