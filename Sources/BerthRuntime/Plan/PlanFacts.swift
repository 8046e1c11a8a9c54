import BerthOCI

/// What the planner must know of the machine and of what the launcher has opened already.
public struct PlanFacts: Sendable, Hashable {
  /// Names the container's session keyring.
  public var containerID: String
  /// Descriptors above 2 that become 0, 1 and 2.
  public var stdin: Int32
  public var stdout: Int32
  public var stderr: Int32
  /// The assembled root file system: a detached mount.
  public var root: Int32
  /// A directory of the node onto which the root is attached, in the container's mount namespace.
  public var rootMountPoint: String
  /// Open namespaces, for those that the spec names by path.
  public var namespaces: [RuntimeSpec.NamespaceKind: Int32] = [:]
  /// Of the container's user namespace; nil: it is in the node's.
  public var idMaps: IDMaps?
  /// Mounts that the launcher has made, detached, by their place in the spec. See `MountSources`.
  public var sources: [Int: Int32] = [:]
  /// Kinds that are private to the pod without being listed in the spec.
  public var sandboxNamespaces: [RuntimeSpec.NamespaceKind] = []
  public var rootWithoutDevices = true
  public var subPaths: [String: String] = [:]
  /// The compiled filter.
  public var seccompFilter: [UInt8]?
  /// Needed where the filter asks somebody.
  public var seccompListener: SeccompListener?
  /// What this machine has to give: the launcher's own bounding set.
  public var availableCapabilities = CapabilitySet(rawValue: (1 << 41) - 1)
  /// v2, or the controllers of each v1 hierarchy that the container's cgroup is in, in the order of mounting.
  public var cgroups: CgroupView = .unified

  /// How the process joins its group once that is made; empty where its maker moves it there or it is born in it.
  public var cgroupJoins: [CgroupJoin] = []

  public enum CgroupView: Sendable, Hashable {
    case unified
    case hierarchies([[String]])
  }

  /// Those whose labels a process can have here.
  public var securityModules: Set<SecurityModule> = []

  /// A socket that takes the other side of the container's terminal; needed where the spec asks for one.
  public var console: Int32?
  /// A listening socket at which the container waits, created, for whoever starts it.
  public var gate: Int32?
  /// Stop at `InitPlan.mounted`, where the caller runs hooks. Without it, a spec with hooks is refused.
  public var runsHooks = false
  /// The launcher's own cgroup namespace, open: what a container without one of its own stays in, with nothing but its own group mounted.
  public var cgroupNamespace: Int32?
  /// A program that is the container's init, open (`InitProgram`); nil: the command itself is.
  public var initProgram: Int32?
  /// The init is all that the container runs.
  public var runsInitOnly = false
  /// Descriptors from 3 on that the command inherits.
  public var preserved: Int32 = 0
  /// The node's mount namespace, open, where this process has left it: what is mounted in the container is to come there, too.
  public var nodeMounts: Int32?
  /// A session keyring of the container's own.
  public var newKeyring = true

  public init(
    containerID: String, stdin: Int32 = 3, stdout: Int32 = 4, stderr: Int32 = 5, root: Int32 = 6, rootMountPoint: String
  ) {
    self.containerID = containerID
    self.stdin = stdin
    self.stdout = stdout
    self.stderr = stderr
    self.root = root
    self.rootMountPoint = rootMountPoint
  }
}
