import BerthCore
import BerthLinux
import BerthRuntime

/// `pause` and `resume`.
enum FreezeCommand {
  static func perform(_ words: [String], _ call: Invocation, frozen: Bool) throws(BerthError) -> Int32 {
    let name = frozen ? "pause" : "resume"
    let id = try call.id(try Words(words, Grammar(), command: name), name)
    let folder = try call.store.container(id).folder
    let lock = try folder.lock()
    let container = try call.store.container(id)
    if frozen {
      try container.needs(.created, .running, to: "pause container")
    } else {
      try container.needs(.paused, to: "resume container")
    }
    guard let cgroup = container.cgroup else {
      throw BerthError(.unavailable, "\(name) container", id, cause: "this machine has no cgroups")
    }
    if frozen {
      try folder.hideGate()
      do throws(BerthError) { try cgroup.freeze() } catch {
        try? folder.showGate()
        throw error
      }
    } else {
      try cgroup.thaw()
      try folder.showGate()
    }
    _ = consume lock
    return 0
  }
}
