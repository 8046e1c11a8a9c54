import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

/// Stopping containers, and removing what is left of them.
extension Pod {
  public func beginStop(_ name: String, _ purpose: StopPurpose, because reason: String) async throws(BerthError) {
    switch purpose {
    case .removal:
      if record.isBeingRemoved { return }
      record.isBeingRemoved = true
    case .restart: record.containers[name]?.stopReason = reason
    case .completion: return
    }
    // On a full disk, too, a pod can be stopped; only a later daemon then doesn't know.
    try? save()
  }

  public func stop(_ name: String, grace: Duration) async throws(BerthError) {
    let spec = try container(name)
    let image = try? context.images.lookup(ImageReference(spec.image))
    let signal = SignalName.number(spec.stopSignal ?? image?.config.stopSignal ?? "TERM") ?? 15
    guard let connection = link.connection else { return try stopWithoutShim(name, signal: signal, grace: grace) }
    _ = try await connection.request(
      .stop(container: name, signal: signal, graceMilliseconds: UInt64(clamping: grace.milliseconds)), deadline: deadline(Self.answerTime))
  }

  /// The signal now, SIGKILL to all of it after the grace period.
  private func stopWithoutShim(_ name: String, signal: Int32, grace: Duration) throws(BerthError) {
    guard stoppedWithoutShim.insert(name).inserted else { return }
    let cgroup = try context.cgroup(context.containerCgroup(uid, name))
    if let process = try PodFacts.read(paths.state).containers[name]?.initRecord?.process {
      do throws(Errno) { try process.signal(signal) } catch {
        throw BerthError(.unavailable, "stop container", "\(key)/\(name)", cause: "\(error)")
      }
    }
    Task { [context, key] in
      await withCheckedContinuation { done in Timers.shared.wake(after: grace) { done.resume() } }
      // The group is this container's alone; it is empty or gone if the signal was enough.
      try? cgroup.killAll()
      context.changed(key)
    }
  }

  public func removeContainer(_ name: String) async throws(BerthError) {
    guard let known = record.containers[name] else { return }
    for attempt in [known.attempt, known.attempt &- 1] {
      try? context.images.removeSnapshot(key: paths.snapshotKey(name, attempt: attempt))
    }
    do throws(Errno) { try Files.removeTree("\(paths.logDirectory(key))/\(name)") } catch {
      throw BerthError(.unavailable, "remove container", "\(key)/\(name)", cause: "\(error)")
    }
  }

  /// Its containers are dead (or its shim is, and this ends what is left). Idempotent: what is gone already is fine.
  public func remove() async throws(BerthError) {
    try await detachNetworks()
    try await shutDown()
    try PodSweeper(context: context).remove(uid: uid, logs: paths.logDirectory(key))
  }

  /// Its containers are dead.
  func shutDown() async throws(BerthError) {
    if case .connected(let connection) = link {
      do throws(BerthError) { _ = try await connection.request(.shutdown, deadline: deadline(Self.answerTime)) } catch {
        // Without an answer it is ended by force.
        if error.code != .unavailable && error.code != .deadlineExceeded { throw error }
        connection.close()
      }
    }
    // A keeper has nobody left to look after; the sweeper ends it.
    if case .kept(let connection) = link { connection.close() }
    link = .lost
  }
}
