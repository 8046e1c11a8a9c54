import BerthOCI

extension InitPlan {
  /// What is done for a process by whoever clones it, since its own rights begin and end with its user namespace.
  public struct Birth: Sendable, Hashable {
    /// Open namespaces to be born in, in this order.
    public var joins: [Join] = []
    /// Of a new time namespace, as /proc/PID/timens_offsets takes them.
    public var timeOffsets: String?
    /// Of a new user namespace.
    public var idMaps: IDMaps?
    public var oomScore: Int32?
    /// Hard limits that may be above the launcher's own.
    public var hardLimits: [HardLimit] = []

    /// Whether the process waits until this is done.
    var isAwaited: Bool { idMaps != nil || oomScore != nil || !hardLimits.isEmpty }
  }

  public struct Join: Sendable, Hashable {
    public var kind: RuntimeSpec.NamespaceKind
    public var descriptor: Int32
    public var path: String
  }

  public struct HardLimit: Sendable, Hashable {
    /// RLIMIT_*.
    public var resource: Int32
    public var value: UInt64
  }
}
