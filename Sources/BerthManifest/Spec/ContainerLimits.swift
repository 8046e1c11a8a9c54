import BerthCore

/// Limits of a container or a pod; nil means unlimited (but for `pids` of a container, whose default is 4096).
public struct Resources: Hashable, Sendable {
  /// Thousandths of a core.
  public var cpuMillicores: Int64?
  public var memory: ByteSize?
  /// Swap on top of `memory`.
  public var memorySwap: ByteSize?
  public var pids: Int64?
  /// cgroup v2's 1 to 10,000 (default 100); converted to shares on v1.
  public var cpuWeight: Int64?
  public var cpusetCpus: String?
  public var ioWeight: Int64?
  /// By page size in bytes.
  public var hugepages: [Int64: ByteSize] = [:]
  public init() {}
}

/// `UInt64.max` means no limit.
public struct Rlimit: Hashable, Sendable {
  public var soft: UInt64
  public var hard: UInt64
  public init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }
}

public struct LogSpec: Hashable, Sendable {
  public var maxSize = ByteSize(bytes: 10 << 20)
  public var maxFiles: Int64 = 5
  public init() {}
}
