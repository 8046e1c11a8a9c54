/// Everything between clone and exec, as a value: computed in Swift, printable and comparable, performed by the C interpreter in the
/// child. No Swift runs there.
public struct InitPlan: Sendable, Hashable, CustomStringConvertible {
  public struct Step: Sendable, Hashable {
    public var what: InitStep
    /// What the step is part of, in words that an error message begins with: `mount /proc`.
    public var purpose: String
  }

  public internal(set) var steps: [Step] = []
  /// CLONE_NEW* of the namespaces that the process is born into.
  public internal(set) var cloneFlags: UInt64 = 0
  /// What the process needs from before its birth and from outside its user namespace.
  public internal(set) var birth = Birth()
  /// Whether the process waits for its launcher to say that the cgroup is made.
  public internal(set) var awaitsCgroup = false
  /// What was asked for and is left out, because this machine lacks the right.
  public internal(set) var warnings: [String] = []

  /// The synchronisation point at which the launcher answers once it has verified that the process is in its cgroup.
  public static let cgroupAttached: UInt32 = 1
  /// The one at which the runtime's hooks are run: the namespaces and mounts are made, the root isn't changed yet.
  public static let mounted: UInt32 = 2
  /// A created container is complete and waits to be started.
  public static let created: UInt32 = 3

  /// Where there is no gate: the same moment, for hooks.
  public static let starting: UInt32 = 4

  /// Whether the process moves itself to its cgroup.
  public var joinsCgroup: Bool { steps.contains { if case .joinCgroup = $0.what { true } else { false } } }

  /// One line a step: `purpose: operation`.
  public var description: String {
    steps.map { "\($0.purpose): \($0.what.description)\n" }.joined()
  }
}
