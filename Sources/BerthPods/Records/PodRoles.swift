import BerthManifest

/// Which of the incarnations of one pod that a daemon finds serves, which one is to take over from it, and which are on their way out or
/// are earlier runs of its schedule.
public struct PodRoles: Hashable, Sendable {
  public var current: PodRecord
  public var successor: PodRecord?
  public var leaving: [PodRecord] = []

  /// By pod. An older incarnation that nobody takes over from and whose removal hadn't begun isn't among them: it is what a failed
  /// creation left.
  public static func of(_ records: [PodRecord]) -> [PodRoles] {
    Dictionary(grouping: records, by: \.spec.key).values.compactMap { group in
      let byAge = group.sorted { ($0.generation, $0.createdAt) < ($1.generation, $1.createdAt) }
      guard let newest = byAge.last else { return nil }
      let older = byAge.dropLast()
      let served = newest.successorTo.flatMap { uid in older.first { $0.uid == uid } }
      var roles = PodRoles(current: served ?? newest, successor: served == nil ? nil : newest)
      roles.leaving = older.filter { ($0.isBeingRemoved || $0.isEarlierRun) && $0.uid != served?.uid }
      return roles
    }
  }
}
