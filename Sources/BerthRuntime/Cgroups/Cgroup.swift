import BerthCore
import BerthLinux
import BerthOCI

/// One control group of a container or a pod, in every hierarchy that it needs. Paths are absolute from the cgroup mounts' root:
/// `/berth-INSTANCE/PODUID/CONTAINER`. A value without state: any number may name one group.
public struct Cgroup: Sendable, Hashable {
  public let path: String
  public let layout: CgroupLayout

  /// nil unless `path` is absolute, not `/`, and free of empty, `.` and `..` components and control characters.
  public init?(_ path: String, in layout: CgroupLayout) {
    guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= 3000, path.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
    guard path.utf8.last != UInt8(ascii: "/") else { return nil }
    var rest = Array(path.utf8)[1...]
    while let part = rest.popField(UInt8(ascii: "/")) {
      guard (1...255).contains(part.count), !part.elementsEqual(".".utf8), !part.elementsEqual("..".utf8) else { return nil }
    }
    self.path = path
    self.layout = layout
  }
}

/// What a cgroup has used so far.
public struct CgroupStats: Sendable, Hashable {
  public var cpuMicroseconds: UInt64 = 0
  public var cpuUserMicroseconds: UInt64 = 0
  public var cpuSystemMicroseconds: UInt64 = 0
  /// How often all its processes had to wait for the next period.
  public var throttledPeriods: UInt64 = 0
  public var memoryBytes: UInt64 = 0
  public var memoryPeakBytes: UInt64 = 0
  /// nil: unlimited.
  public var memoryLimitBytes: UInt64?
  public var pids: UInt64 = 0
  /// Processes that the kernel killed because the group (or one above it) was out of memory.
  public var oomKills: UInt64 = 0
  /// nil where the kernel doesn't tell (cgroup v1).
  public var cpuPressure: CgroupPressure?
  public var memoryPressure: CgroupPressure?
  public var ioPressure: CgroupPressure?
  public init() {}
}
