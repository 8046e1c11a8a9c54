import BerthCore
import BerthImages
import BerthLinux
import BerthRuntime

/// Removes what pods leave on the node: everything carries the pod's uid, so nothing without an owner stays unseen.
struct PodSweeper: Sendable {
  let context: PodContext

  /// All that the incarnation `uid` owned, living processes included. What is gone already is fine.
  func remove(uid: String, logs: String?) throws(BerthError) {
    try endKeeper(uid)
    try removeCgroups(uid)
    for key in context.images.snapshotKeys() where key.hasPrefix("\(uid)-") { try context.images.removeSnapshot(key: key) }
    let paths = context.paths.pod(uid: uid)
    let shim = try PodFacts.read(paths.state).shim
    do throws(Errno) {
      // One that was told to shut down is on its way anyway.
      try shim?.kill()
      try Files.removeTree(paths.data)
      if let logs { try Files.removeTree(logs) }
      context.idRanges.release(uid)
      // Last: the record says that there is something to remove.
      try Files.removeTree(paths.state)
    } catch { throw BerthError(.unavailable, "remove pod's files", uid, cause: "\(error)") }
  }

  /// As `remove`, but for the pod's record.
  func release(uid: String, logs: String?) throws(BerthError) {
    try endKeeper(uid)
    try removeCgroups(uid)
    for key in context.images.snapshotKeys() where key.hasPrefix("\(uid)-") { try context.images.removeSnapshot(key: key) }
    let paths = context.paths.pod(uid: uid)
    let shim = try PodFacts.read(paths.state).shim
    do throws(Errno) {
      try shim?.kill()
      try Files.removeTree(paths.data)
      if let logs { try Files.removeTree(logs) }
      for name in try Files.list(paths.state) where "\(paths.state)/\(name)" != paths.record {
        try Files.removeTree("\(paths.state)/\(name)")
      }
    } catch { throw BerthError(.unavailable, "release finished pod", uid, cause: "\(error)") }
  }

  /// Before what it writes to is removed.
  private func endKeeper(_ uid: String) throws(BerthError) {
    guard let keeper = try PodFacts.read(context.paths.pod(uid: uid).state).keeper else { return }
    do throws(Errno) { try keeper.end(within: .seconds(5)) } catch {
      throw BerthError(.unavailable, "end keeper", uid, cause: "\(error)")
    }
  }

  private func removeCgroups(_ uid: String) throws(BerthError) {
    let pod = try context.cgroup(context.podCgroup(uid))
    guard pod.exists() else { return }
    for container in try pod.children() {
      let cgroup = try context.cgroup(context.containerCgroup(uid, container))
      try cgroup.killAll()
      try cgroup.remove()
    }
    try pod.killAll()
    try pod.remove()
  }

  /// Whatever belongs to incarnations other than `living`: left by a crash or an earlier boot.
  func sweep(living: Set<String>) -> [BerthError] {
    var uids: Set<String> = []
    uids.formUnion((try? Files.list(context.paths.pods)) ?? [])
    uids.formUnion(context.idRanges.owners)
    uids.formUnion((try? Files.list("\(context.paths.root)/pods")) ?? [])
    uids.formUnion(context.images.snapshotKeys().compactMap { PodUID.prefix(of: $0) })
    if let parent = try? context.cgroup(context.cgroupParent), parent.exists() { uids.formUnion((try? parent.children()) ?? []) }
    var logs: [String: String] = [:]
    for name in (try? Files.list(context.paths.logs)) ?? [] {
      if let uid = name.split(separator: "_").last.map(String.init), PodUID.isValid(uid) { logs[uid] = "\(context.paths.logs)/\(name)" }
    }
    uids.formUnion(logs.keys)
    var failures: [BerthError] = []
    for uid in uids.subtracting(living) where PodUID.isValid(uid) {
      do throws(BerthError) { try remove(uid: uid, logs: logs[uid]) } catch { failures.append(error) }
    }
    return failures
  }
}

/// `8-4-4-4-12` hexadecimal digits, random: RFC 9562 version 4.
enum PodUID {
  static func make() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    var text = ""
    for (at, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(at) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }

  static func isValid(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) || $0 == 45 }
  }

  /// The uid at the front of `UID-CONTAINER-ATTEMPT`.
  static func prefix(of key: String) -> String? {
    let uid = String(key.prefix(36))
    return isValid(uid) ? uid : nil
  }
}
