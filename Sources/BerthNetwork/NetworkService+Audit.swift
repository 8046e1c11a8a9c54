import BerthCore
import BerthLinux

extension NetworkService {
  /// After `announce` of every pod that lives: takes over what they have, and undoes what belongs to nobody. What can't be undone at once
  /// (a plugin that fails) is tried again in the background; `report` gets why.
  public func adopt(living: Set<String>, report: @escaping @Sendable (BerthError) -> Void) async {
    let records = state.withLock { $0.records.all }
    do throws(BerthError) {
      try await adoptOwn(records.filter { living.contains($0.key) })
    } catch { report(error) }
    for uid in records.keys where !living.contains(uid) { await detachEventually(uid, report: report) }
    collect(report)
  }

  private func adoptOwn(_ records: [String: NetworkRecord]) async throws(BerthError) {
    let used = records.filter { $0.value.bridge != nil }
    let folder = "\(options.state)/networks"
    guard !used.isEmpty || ((try? Files.list(folder)) ?? []).isEmpty == false else { return }
    let own = try ownNetwork()
    // An address whose pod has no record: a daemon died between the two. Those of pods without a life are freed with their record.
    let known = state.withLock { Set($0.records.all.keys) }
    for uid in Set(own.pool.owners.values) where !known.contains(uid) { try own.pool.release(uid) }
    for record in used.values { relock(record) }
    let elements = used.mapValues(\.elements)
    try await own.thread.run { () throws(BerthError) in try own.bridge.adopt(elements) }
  }

  /// The ports of a pod that runs are its own whoever listens by now.
  private func relock(_ record: NetworkRecord) {
    let locks = record.ports.compactMap { try? PortLock($0.transport.lock, $0.host, on: $0.hostAddress) }
    state.withLock { if $0.locks[record.uid] == nil { $0.locks[record.uid] = locks } }
  }

  /// `detach`, again and again until it succeeds, if it doesn't at once.
  public func detachEventually(_ uid: String, report: @escaping @Sendable (BerthError) -> Void) async {
    do throws(BerthError) { try await detach(uid, process: nil) } catch {
      report(error)
      Task { [weak self] in
        var pause = Duration.seconds(1)
        while let self {
          await withCheckedContinuation { done in Timers.shared.wake(after: pause) { done.resume() } }
          if (try? await self.detach(uid, process: nil)) != nil { return }
          pause = min(pause * 2, .seconds(300))
        }
      }
    }
  }

  /// Lets plugins that know GC free what isn't ours any more; nobody waits for it.
  private func collect(_ report: @escaping @Sendable (BerthError) -> Void) {
    let networks = directory.read().networks.filter { $0.isAtLeast(minor: 1) }
    guard !networks.isEmpty else { return }
    Task { [weak self] in
      for network in networks {
        guard let self else { return }
        let valid = self.state.withLock { state in
          state.records.all.values.flatMap { record in
            record.cni.filter { $0.network.name == network.name }.map { (containerID: record.uid, interface: $0.interface) }
          }
        }
        do throws(BerthError) {
          try await self.blocking { [client = self.client] () throws(BerthError) in try client.collect(network, valid: valid) }
        } catch { report(error) }
      }
    }
  }

  /// Undoes everything: no pod lives any more. What couldn't be undone.
  public func tearDown() async -> [BerthError] {
    var failures: [BerthError] = []
    for uid in state.withLock({ Array($0.records.all.keys) }) {
      do throws(BerthError) { try await detach(uid, process: nil) } catch { failures.append(error) }
    }
    do throws(BerthError) { try await removeUnused() } catch { failures.append(error) }
    return failures
  }

  /// Berth's own network, if no pod is on it: the node looks as if it had never been used. The next pod makes it anew.
  public func removeUnused() async throws(BerthError) {
    guard state.withLock({ !$0.records.all.values.contains { $0.bridge != nil } }) else { return }
    // Not used by this daemon and by none before.
    guard Files.exists("\(options.root)/networks/bridge.conflist") else { return }
    let own = try ownNetwork()
    try await own.thread.run { () throws(BerthError) in try own.bridge.remove() }
  }
}
