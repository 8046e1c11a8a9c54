import BerthLinux

/// A container's first process, after its exec.
public struct LaunchedProcess: ~Copyable, Sendable {
  /// As the caller's pid namespace numbers it.
  public let pid: Int32
  /// Readable when the process has ended.
  public let pidfd: FD
  /// Clock ticks after boot (field 22 of /proc/PID/stat): with the pid and the boot id, an identity that no other process gets.
  public let startTimeTicks: UInt64
  /// The final ids.
  public let uid: UInt32
  public let gid: UInt32
  /// What the machine lacked a right for and was left out or done by halves, in words.
  public let warnings: [String]

  public init(pid: Int32, pidfd: consuming FD, startTimeTicks: UInt64, uid: UInt32, gid: UInt32, warnings: [String]) {
    self.pid = pid
    self.pidfd = pidfd
    self.startTimeTicks = startTimeTicks
    self.uid = uid
    self.gid = gid
    self.warnings = warnings
  }
}
