import BerthCore
import BerthLinux
import BerthStore

/// What a collection did.
public struct CollectionOutcome: Sendable, Hashable {
  /// Bytes of blobs and layers.
  public var freed: Int64 = 0
  /// Names of the images that went.
  public var removed: [String] = []
  /// Whether the disk is still fuller than asked.
  public var isShort = false
}

extension ImageService {
  /// Makes room as `policy` says: first what nothing needs, then images that no container uses, until enough is free. Does nothing but
  /// remember what is in use while the disk isn't that full. `measure`: for tests.
  public func collect(
    _ policy: CollectionPolicy, measure: (String) throws(Errno) -> DiskSpace = DiskSpace.of
  ) throws(BerthError) -> CollectionOutcome {
    let now = Clock.wallNanoseconds() / 1_000_000_000
    let snapshots = snapshotImages()
    remember(snapshots, now)
    var outcome = CollectionOutcome()
    guard policy.excess(try space(measure)) > 0 else { return outcome }
    let inUse = snapshots.union(try metadata.leasedImages())
    outcome.freed = try prune()
    // Reckoned once: from then on it is room that is wanted, however full the disk is called.
    var candidates = policy.order(try self.candidates(), inUse: inUse, now: now)[...]
    while try isShort(policy, measure), let next = candidates.popFirst() {
      for record in try metadata.images() where record.manifest == next.manifest {
        try reserve.withRoom { () throws(BerthError) in try forget(record.reference) }
        outcome.removed.append(record.reference)
      }
      outcome.freed &+= try prune()
    }
    outcome.isShort = try isShort(policy, measure)
    return outcome
  }

  private func space(_ measure: (String) throws(Errno) -> DiskSpace) throws(BerthError) -> DiskSpace {
    do throws(Errno) { return try measure(root) } catch {
      throw BerthError(.unavailable, "measure disk", root, cause: "\(error)")
    }
  }

  private func isShort(_ policy: CollectionPolicy, _ measure: (String) throws(Errno) -> DiskSpace) throws(BerthError) -> Bool {
    let space = try space(measure)
    return space.available < space.capacity / 100 * Int64(100 - policy.lowPercent)
  }

  private func candidates() throws(BerthError) -> [CollectionPolicy.Candidate] {
    var byManifest: [Digest: CollectionPolicy.Candidate] = [:]
    for record in try metadata.images() {
      var candidate =
        byManifest[record.manifest]
        ?? CollectionPolicy.Candidate(manifest: record.manifest, created: record.created, lastUsed: 0, isPinned: false)
      candidate.created = max(candidate.created, record.created)
      candidate.lastUsed = max(candidate.lastUsed, record.lastUsed)
      candidate.isPinned = candidate.isPinned || record.isPinned
      byManifest[record.manifest] = candidate
    }
    return Array(byManifest.values)
  }

  private func remember(_ inUse: Set<Digest>, _ now: Int64) {
    let due = uses.withLock { $0.due(inUse: inUse, now: now) }
    // On a full disk room matters more than the order.
    try? metadata.setLastUsed(due, now)
  }
}
