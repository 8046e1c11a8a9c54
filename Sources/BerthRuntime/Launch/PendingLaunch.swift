import BerthCore
import BerthLinux

/// A launch under way. Always finish it: dropped, what has been cloned already may run.
public struct PendingLaunch: ~Copyable, Sendable {
  let socket: FD
  /// The launcher's own pid: a child of the caller until `finish` has reaped it.
  public let launcher: Int32
  /// The container's pid as soon as it is cloned: also where the launcher dies before it can say so.
  let cloned: SharedNumber
  let id: String

  /// Readable when `finish` will not block.
  public var resultFD: Int32 { socket.raw }

  /// Ends it: `finish` then throws at once, for one that hasn't executed its command.
  public borrowing func abort() {
    Children.kill(cloned.value)
    Children.kill(launcher)
  }

  /// Waits until the container has executed its command, or throws why not; then no process and no cgroup of it is left.
  /// See `ContainerLauncher.exitCode(for:)`.
  public consuming func finish() throws(BerthError) -> LaunchedProcess {
    let received: (bytes: [UInt8], descriptor: Int32?)
    do throws(Errno) { received = try DescriptorSocket.receive(limit: LaunchResult.limit, from: socket) } catch {
      received = ([], nil)
    }
    let status = try? Children.wait(for: launcher)
    // One that cloned the container, where it had to be another one.
    let between = cloned.pointer[1]
    if between > 0 { _ = try? Children.wait(for: between) }
    let pidfd = received.descriptor.map { FD(owning: $0) }
    guard let result = LaunchResult(received.bytes) else {
      let orphan = cloned.value
      Children.kill(orphan)
      if orphan > 0 { _ = try? Children.wait(for: orphan) }
      throw BerthError(.bug, "launch", id, cause: "the launcher died without an answer\(status.map { " (\($0))" } ?? "")")
    }
    switch result {
    case .launched(let pid, let ticks, let uid, let gid, let warnings):
      guard let pidfd else { throw BerthError(.bug, "launch", id, cause: "the launcher sent no pidfd") }
      return LaunchedProcess(pid: pid, pidfd: pidfd, startTimeTicks: ticks, uid: uid, gid: gid, warnings: warnings)
    case .failed(let error, let pid, let cgroup):
      if let pid { _ = try? Children.wait(for: pid) }
      // What made the launch fail says more than what is left of it.
      try? cgroup?.remove()
      throw error
    }
  }
}
