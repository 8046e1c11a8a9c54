import BerthCore
import BerthLinux
import BerthRuntime

/// To the shim, or to who looks after what a dead one left.
extension Pod {
  /// An incarnation that an earlier daemon made. A shim that doesn't answer counts as lost: what runs is left alone, nothing is started
  /// beside it.
  func adopt() async {
    // What is left of it is released anew. Of one that had ended before the node went down nothing is.
    isSwept = record.isRestored
    if record.isReleased { return }
    volumes = VolumeManager(paths: paths, key: key).located(record.spec.volumes)
    announceNetworks()
    await connect()
    await reconnect()
  }

  /// To a shim that lives although the connection is lost (it was too slow before), or to the keeper of a dead one. Those who come
  /// meanwhile wait for the same.
  func reconnect() async {
    loseLink()
    guard case .lost = link, !record.isReleased else { return }
    if connecting == nil { connecting = Task { await self.connectAnew() } }
    await connecting?.value
  }

  private func connectAnew() async {
    defer { connecting = nil }
    guard let facts = try? PodFacts.read(paths.state), facts.shim != nil else { return }
    if facts.isShimAlive { await connect() } else { await keep(facts) }
  }

  private func connect() async {
    guard let connection = try? context.shims.connect(podDirectory: paths.state, onEvent: onEvent, onClosed: onClosed) else { return }
    do throws(BerthError) {
      _ = try await connection.greet(deadline: deadline(Self.answerTime))
      // A daemon that died before the sandbox was set up had not prepared the rest either: such a shim ends with its last connection,
      // and the pod is made anew.
      let state = try await connection.readState(deadline: deadline(Self.answerTime))
      guard state.isSandboxReady else { return connection.close() }
      link = .connected(connection)
      // It may have died before the pod was on its networks, too; no container is started before that.
      if attaching == nil, state.containers.isEmpty { attachNetworks(after: nil, again: true) }
    } catch { connection.close() }
  }

  nonisolated var onEvent: @Sendable (ShimEvent) -> Void { { [key, context] _ in context.changed(key) } }
  nonisolated var onClosed: @Sendable () -> Void {
    { [weak self, key, context] in
      Task {
        await self?.loseLink()
        context.changed(key)
      }
    }
  }
  /// A connection that ends late may not be the one that is used by now.
  private func loseLink() { if link.connection?.isOpen != true { link = .lost } }
}

extension Pod.Link {
  /// To whoever looks after the containers.
  var connection: ShimConnection? {
    switch self {
    case .connected(let connection), .kept(let connection): connection
    case .lost: nil
    }
  }
}
