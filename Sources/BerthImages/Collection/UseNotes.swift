import BerthCore

/// When images were last in use, for the order in which they go. What is in use can't go, so nothing has to be written while it is, nor
/// read: an idle node leaves its disk alone. Noted is what has gone out of use since the last look, and once a day what is in use, for a
/// daemon that dies meanwhile.
struct UseNotes {
  /// What was in use at the last look, and when it is next to be noted.
  private var inUse: [Digest: Int64] = [:]

  private static let interval: Int64 = 24 * 3600

  /// Those that are to be noted as last used now. `now`: seconds since 1970.
  mutating func due(inUse: Set<Digest>, now: Int64) -> Set<Digest> {
    let gone = Set(self.inUse.keys).subtracting(inUse)
    let stale = self.inUse.filter { inUse.contains($0.key) && $0.value <= now }.keys
    var next: [Digest: Int64] = [:]
    for digest in inUse { next[digest] = stale.contains(digest) ? now + Self.interval : self.inUse[digest] ?? now + Self.interval }
    self.inUse = next
    return gone.union(stale)
  }
}
