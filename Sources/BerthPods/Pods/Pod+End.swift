import BerthCore
import BerthLinux
import BerthPlan
import BerthRuntime

extension Pod {
  public func fail(_ failure: PodFailure) async throws(BerthError) {
    record.failure = failure
    try save()
  }

  /// A finished pod keeps nothing but its record: no shim, no networks, no snapshots, no logs. Idempotent.
  public func release() async throws(BerthError) {
    if !record.isReleased {
      await rememberExits()
      record.isReleased = true
      // Before anything is removed: a daemon that finds it so goes on from here.
      try save()
    }
    try await detachNetworks()
    try await shutDown()
    try PodSweeper(context: context).release(uid: uid, logs: paths.logDirectory(key))
    isSwept = true
  }

  /// What the shim and its files say now, the record alone says later.
  private func rememberExits() async {
    if case .connected(let connection) = link, let state = try? await connection.readState(deadline: deadline(Self.answerTime)) {
      for container in state.containers {
        if case .exited(let exit) = container.phase { record.containers[container.name]?.exit = exit }
      }
    } else if let facts = try? PodFacts.read(paths.state) {
      for (name, container) in facts.containers { record.containers[name]?.exit = container.exit }
    }
  }
}

extension StartFailure.Kind {
  /// By what was being done when it failed.
  init(_ error: BerthError) {
    if let code = ContainerLauncher.exitCode(for: error) {
      self = code == 127 ? .notFound : .notExecutable
    } else {
      self = error.code == .invalidArgument || error.operation == "resolve user" ? .config : .create
    }
  }
}
