import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `delete`.
enum DeleteCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(flags: ["force f"]), command: "delete")
    let id = try call.id(words, "delete")
    let force = words.has("force")
    let folder = call.store.folder(id)
    if force, !folder.isFree { Removal.kill(call.store, id) }
    let lock: DirectoryLock
    do throws(BerthError) { lock = try folder.lock() } catch {
      if force, error.code == .notFound { return 0 }
      throw error
    }
    guard let container = try? call.store.container(id) else {
      guard force else { throw BerthError(.failedPrecondition, "delete container", id, cause: "its state can't be read: use --force") }
      try folder.remove()
      return 0
    }
    try Removal.end(container, force: force)
    try Removal.remove(container, log: call.log)
    _ = consume lock
    return 0
  }
}

/// The end of a container.
enum Removal {
  /// Whoever changes the container may wait for its process: a start, for one that stands still.
  static func kill(_ store: ContainerStore, _ id: String) {
    guard let container = try? store.container(id), let process = try? container.openProcess() else { return }
    try? ProcessControl.signal(process, 9)
    if let cgroup = container.cgroup, cgroup.isFrozen { try? cgroup.thaw() }
  }

  /// Kills one that was never started, and with `force` any.
  static func end(_ container: Container, force: Bool) throws(BerthError) {
    let status = container.status
    if status == .stopped { return }
    guard force || status == .created else {
      throw BerthError(
        .failedPrecondition, "delete container", container.id, cause: "cannot delete a container that is not stopped: \(status.rawValue)")
    }
    guard let process = try? container.openProcess() else { return }
    do throws(Errno) { try ProcessControl.signal(process, 9) } catch {
      if error != .noSuchProcess { throw BerthError(.unavailable, "kill container", container.id, cause: error.description) }
    }
    if let cgroup = container.cgroup, cgroup.isFrozen { try cgroup.thaw() }
    let ended = (try? Descriptors.waitReadable([process.raw], timeout: .seconds(10))) ?? []
    guard !ended.isEmpty else { throw BerthError(.deadlineExceeded, "kill container", container.id, cause: "it didn't end within 10 s") }
  }

  /// Of a container that has stopped: what is left of its processes, its cgroup, its folder; then its last hooks.
  static func remove(_ container: Container, log: RuntimeLog) throws(BerthError) {
    let hooks = container.record.hasHooks ? (try? container.folder.spec())?.hooks ?? RuntimeSpec.Hooks() : RuntimeSpec.Hooks()
    if let cgroup = container.cgroup, !cgroup.removeIfEmpty() {
      if (try? cgroup.processes())?.isEmpty == false { try cgroup.killAll() }
      try cgroup.remove()
    }
    try container.folder.remove()
    // They see a container that is gone, whatever they answer. Source: runtime.md "Lifecycle".
    for (at, hook) in hooks.poststop.enumerated() {
      do throws(BerthError) { try Hooks.run([hook], "poststop", state: container.state(.stopped)) } catch {
        log.warn("poststop \(at): \(error)")
      }
    }
  }
}
