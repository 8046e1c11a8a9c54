import BerthCore
import BerthLinux

/// A launch under way. Dropping it without `finish` abandons the launch: the launcher sees the closed socket, but what it has cloned
/// already may run; so always finish.
public struct PendingLaunch: ~Copyable {
  let socket: FD
  /// The launcher's own pid: a child of the caller until `finish` has reaped it.
  public let launcher: Int32
  let id: String
  let cgroup: Cgroup?

  /// Readable when `finish` will not block.
  public var resultFD: Int32 { socket.raw }

  /// Waits until the container has executed its command, or throws why not; then no process and no cgroup of it is left.
  /// See `ContainerLauncher.exitCode(for:)`.
  public consuming func finish() throws(BerthError) -> LaunchedProcess {
    throw BerthError(.unsupported, "launch", id, cause: "not built yet")
  }
}
