import BerthLinux

/// How this machine's cgroup hierarchies are mounted.
public struct CgroupLayout: Sendable, Hashable {
  public enum Version: Sendable, Hashable { case v1, v2 }
  public var version: Version
  /// Mount points of v1 by controller (`memory` → `/sys/fs/cgroup/memory`); of v2, the one under "".
  public var mounts: [String: String]

  public init(version: Version, mounts: [String: String]) {
    self.version = version
    self.mounts = mounts
  }
}
