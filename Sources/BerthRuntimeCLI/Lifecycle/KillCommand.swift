import BerthCore
import BerthLinux
import BerthRuntime

/// `kill`: a signal to the container's first process, or with `--all` to every one.
enum KillCommand {
  private static let kill: Int32 = 9
  private static let terminate: Int32 = 15

  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(flags: ["all a"]), command: "kill")
    let id = try call.id(words, "kill", arguments: 1...2)
    let text = words.rest.count > 1 && !words.rest[1].isEmpty ? words.rest[1] : "SIGTERM"
    // 0 asks whether the process is there. Source: kill(2).
    guard let signal = text == "0" ? 0 : SignalName.number(text.uppercased()) else {
      throw BerthError(.invalidArgument, "kill container", id, cause: "unknown signal \"\(text)\"")
    }
    let container = try call.store.container(id)
    if words.has("all") {
      try all(container, signal)
    } else {
      try container.needs(.created, .running, .paused, to: "kill container")
      try send(signal, to: container)
    }
    // Frozen, it would die of it later.
    if signal == kill, let cgroup = container.cgroup, cgroup.isFrozen { try cgroup.thaw() }
    return 0
  }

  static func send(_ signal: Int32, to container: Container) throws(BerthError) {
    let process = try container.openProcess()
    do throws(Errno) { try ProcessControl.signal(process, signal) } catch {
      let cause = error == .noSuchProcess ? "container not running" : error.description
      throw BerthError(.failedPrecondition, "kill container", container.id, cause: cause)
    }
  }

  /// Also of a container whose first process has ended: others may have outlived it.
  private static func all(_ container: Container, _ signal: Int32) throws(BerthError) {
    guard let cgroup = container.cgroup, cgroup.exists() else { return }
    if signal == kill { return try cgroup.killAll() }
    try cgroup.signalAll(signal)
  }
}
