import BerthCore
import BerthLinux

/// What one daemon at a time may hold: its root, and the state folder with the pods that run. Two daemons with roots of their own over one
/// state folder would take each other's pods for leftovers.
struct DaemonLock: ~Copyable, Sendable {
  private let root: FileLock
  /// nil where the folder isn't there, so that nothing runs.
  private let state: FileLock?

  /// `patience`: how long a daemon that holds one is waited for. `berth shutdown` has its answer a moment before the daemon ends; and one
  /// that was killed may hold on a moment longer: a program that it was just starting has its descriptors until it executes.
  init(root: String, state: String, patience: Duration = .seconds(2)) throws(BerthError) {
    let rootLock = try Self.take("\(root)/lock", "root", root, patience)
    var stateLock: FileLock?
    if Files.exists(state) { stateLock = try Self.take("\(state)/daemon.lock", "state folder", state, patience) }
    self.root = consume rootLock
    self.state = consume stateLock
  }

  private static func take(_ path: String, _ what: String, _ folder: String, _ patience: Duration) throws(BerthError) -> FileLock {
    let begin = Clock.bootNanoseconds()
    var owner: Substring = "?"
    do throws(Errno) {
      while true {
        if let lock = try FileLock(path) { return lock }
        owner = (try? Files.readText(path))?.prefix { $0 != "\n" } ?? "?"
        guard Clock.bootNanoseconds() - begin < patience.nanoseconds else { break }
        Clock.pause(.milliseconds(10))
      }
    } catch { throw BerthError(.unavailable, "lock \(what)", path, cause: "\(error)") }
    throw BerthError(
      .failedPrecondition, "lock \(what)", folder,
      cause: "another berthd (pid \(owner)) keeps this \(what); stop it, or name others with --root, --state and --address")
  }
}
