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
  /// Kinds that are private to the pod without being listed in the spec.
  public var sandboxNamespaces: [RuntimeSpec.NamespaceKind] = []
  public var rootWithoutDevices = true
  public var subPaths: [String: String] = [:]
  /// The compiled filter.
  public var seccompFilter: [UInt8]?
  /// What this machine has to give: the launcher's own bounding set.
  public var availableCapabilities = CapabilitySet(rawValue: (1 << 41) - 1)
  /// v2, or the controllers of each v1 hierarchy that the container's cgroup is in, in the order of mounting.
  public var cgroups: CgroupView = .unified

  public enum CgroupView: Sendable, Hashable {
    case unified
    case hierarchies([[String]])
  }

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
