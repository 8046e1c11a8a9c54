import BerthCore
import BerthOCI

extension RuntimeSpec {
  /// Whether a container of this spec is cloned by a process in between, which joins namespaces for it: then nobody else does.
  public var isBornElsewhere: Bool { linux.map(InitPlanner.joinsBeforeBirth) ?? false }
}

extension InitPlanner {
  /// Whoever is in a user namespace has no right to join what belongs to the one around it: all of that comes before.
  static func joinsBeforeBirth(_ linux: RuntimeSpec.Linux) -> Bool {
    linux.namespaces.contains { $0.type == .user } && linux.namespaces.contains { $0.path != nil }
      || hasClocks(linux) && linux.namespaces.contains { $0.type == .pid && $0.path != nil }
  }

  private static func hasClocks(_ linux: RuntimeSpec.Linux) -> Bool {
    !linux.timeOffsets.isEmpty && linux.namespaces.contains { $0.type == .time && $0.path == nil }
  }

  /// What the launcher does for the process, and the process's first step into its user namespace.
  mutating func planBirth() throws(BerthError) {
    try planClocks()
    if Self.joinsBeforeBirth(linux) { try planJoins() }
    guard facts.idMaps != nil else { return }
    if linux.namespaces.contains(where: { $0.type == .user && $0.path == nil }) { plan.birth.idMaps = facts.idMaps }
    plan.birth.oomScore = process.oomScoreAdj
    plan.birth.hardLimits = process.rlimits.compactMap { limit in
      Self.rlimits.firstIndex(of: limit.type).map { InitPlan.HardLimit(resource: Int32($0), value: limit.hard) }
    }
    if plan.birth.isAwaited { add(.awaitWord, "wait for id mappings") }
    add(.user(uid: 0, gid: 0, groups: []), "become root of the user namespace")
  }

  private mutating func planClocks() throws(BerthError) {
    guard !linux.timeOffsets.isEmpty else { return }
    guard Self.hasClocks(linux) else { throw failure(.invalidArgument, "linux.timeOffsets", "needs a new time namespace") }
    plan.birth.timeOffsets = linux.timeOffsets.keys.sorted().map { clock in
      let offset = linux.timeOffsets[clock] ?? .init(seconds: 0)
      return "\(clock) \(offset.seconds) \(offset.nanoseconds)\n"
    }.joined()
  }

  /// The user namespace last: every right over the others ends with it.
  private mutating func planJoins() throws(BerthError) {
    let named = linux.namespaces.filter { $0.path != nil }
    for namespace in named.filter({ $0.type != .user }) + named.filter({ $0.type == .user }) {
      guard let path = namespace.path, let descriptor = facts.namespaces[namespace.type] else {
        throw failure(.bug, "linux.namespaces", "\(namespace.path ?? "") was not opened")
      }
      plan.birth.joins.append(.init(kind: namespace.type, descriptor: descriptor, path: path))
    }
  }
}
