import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// A container that is there.
struct Container {
  let folder: ContainerFolder
  let record: ContainerRecord
  var id: String { record.id }

  /// nil where the machine has no cgroups any more.
  var cgroup: Cgroup? { NodeCgroups.layout.flatMap { Cgroup(record.cgroup, in: $0) } }

  var status: ContainerStatus {
    guard record.process.isAlive else { return .stopped }
    if folder.waitsForStart { return .created }
    if cgroup?.isFrozen == true { return .paused }
    // Somebody else has thawed it, or the call that was to freeze it has ended before.
    return folder.hasHiddenGate ? .created : .running
  }

  /// As `state` prints it and hooks get it. Source: runtime.md "State".
  func state(_ status: ContainerStatus) -> JSONObject {
    var state: JSONObject = [
      "ociVersion": .string(record.ociVersion), "id": .string(id), "pid": .integer(status == .stopped ? 0 : Int64(record.process.pid)),
      "status": .string(status.rawValue), "bundle": .string(record.bundle),
    ]
    if !record.annotations.isEmpty { state["annotations"] = .strings(record.annotations) }
    return state
  }

  /// The container's first process, for signals: never a stranger with its number.
  func openProcess() throws(BerthError) -> FD {
    do throws(Errno) {
      let handle = try ProcessControl.open(record.process.pid)
      guard record.process.isAlive else { throw Errno.noSuchProcess }
      return handle
    } catch {
      throw BerthError(
        .failedPrecondition, "find process", id, cause: error == .noSuchProcess ? "container not running" : error.description)
    }
  }

  func needs(_ allowed: ContainerStatus..., to operation: String) throws(BerthError) { try needs(allowed, to: operation) }

  func needs(_ allowed: [ContainerStatus], to operation: String) throws(BerthError) {
    let now = status
    guard allowed.contains(now) else {
      throw BerthError(
        .failedPrecondition, operation, id, cause: "container is \(now.rawValue)\(now == .stopped ? ": container not running" : "")")
    }
  }
}
