import BerthLinux

/// All that the kernel tells of a group's use, for people and tools; `CgroupStats` holds the few figures that decisions hang on.
public struct CgroupReport: Sendable {
  /// Use, highest use and limit in bytes, and how often the limit was hit.
  public struct Amount: Sendable, Hashable {
    public var usage: UInt64 = 0
    public var peak: UInt64 = 0
    /// nil: unlimited.
    public var limit: UInt64?
    public var failures: UInt64 = 0
  }

  /// One line of a v1 blkio file or of v2's io.stat: `Read` of device 8:0 is 4096.
  public struct IOEntry: Sendable, Hashable {
    public var major: UInt64
    public var minor: UInt64
    public var operation: String
    public var value: UInt64
  }

  public var stats = CgroupStats()
  public var periods: UInt64 = 0
  public var throttledNanoseconds: UInt64 = 0
  /// Nanoseconds of each CPU; v1 alone.
  public var perCPU: [UInt64] = []
  public var memory = Amount()
  /// Memory and swap together, as v1 counts; on v2 swap alone.
  public var swap = Amount()
  public var kernelBytes: UInt64 = 0
  public var cacheBytes: UInt64 = 0
  /// memory.stat as it stands, in its order.
  public var memoryStat: [(key: String, value: UInt64)] = []
  /// nil: unlimited.
  public var pidsLimit: UInt64?
  public var ioBytes: [IOEntry] = []
  public var ioOperations: [IOEntry] = []

  public init(_ group: Cgroup) {
    stats = group.layout.version == .v1 ? CgroupV1(group: group).stats() : CgroupV2(group: group).stats()
    let isV1 = group.layout.version == .v1
    let memory = isV1 ? "memory" : ""
    memoryStat = Self.pairs(group, "memory.stat", memory)
    periods = group.number("nr_periods", in: "cpu.stat", of: isV1 ? "cpu" : "") ?? 0
    pidsLimit = group.number("pids.max", of: isV1 ? "pids" : "")
    if isV1 { readV1(group) } else { readV2(group) }
  }

  private mutating func readV1(_ group: Cgroup) {
    throttledNanoseconds = group.number("throttled_time", in: "cpu.stat", of: "cpu") ?? 0
    perCPU = ((try? group.read("cpuacct.usage_percpu", of: "cpuacct")) ?? "").split(whereSeparator: \.isWhitespace).compactMap {
      UInt64($0)
    }
    memory = Self.amount(group, "memory")
    swap = Self.amount(group, "memory.memsw")
    kernelBytes = group.number("memory.kmem.usage_in_bytes", of: "memory") ?? 0
    cacheBytes = value("cache")
    ioBytes = Self.entries(group, "blkio.throttle.io_service_bytes_recursive")
    ioOperations = Self.entries(group, "blkio.throttle.io_serviced_recursive")
  }

  private mutating func readV2(_ group: Cgroup) {
    throttledNanoseconds = (group.number("throttled_usec", in: "cpu.stat", of: "") ?? 0) &* 1000
    memory = Amount(
      usage: stats.memoryBytes, peak: stats.memoryPeakBytes, limit: stats.memoryLimitBytes,
      failures: group.number("max", in: "memory.events", of: "") ?? 0)
    swap = Amount(
      usage: group.number("memory.swap.current", of: "") ?? 0, peak: group.number("memory.swap.peak", of: "") ?? 0,
      limit: group.number("memory.swap.max", of: ""))
    kernelBytes = value("kernel")
    cacheBytes = value("file")
    readIO((try? group.read("io.stat", of: "")) ?? "")
  }

  private func value(_ key: String) -> UInt64 { memoryStat.first { $0.key == key }?.value ?? 0 }

  private static func amount(_ group: Cgroup, _ name: String) -> Amount {
    Amount(
      usage: group.number("\(name).usage_in_bytes", of: "memory") ?? 0, peak: group.number("\(name).max_usage_in_bytes", of: "memory") ?? 0,
      limit: group.number("\(name).limit_in_bytes", of: "memory").flatMap { $0 >= 1 << 62 ? nil : $0 },
      failures: group.number("\(name).failcnt", of: "memory") ?? 0)
  }

  private static func pairs(_ group: Cgroup, _ file: String, _ controller: String) -> [(key: String, value: UInt64)] {
    ((try? group.read(file, of: controller)) ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      return fields.count == 2 ? UInt64(fields[1]).map { (String(fields[0]), $0) } : nil
    }
  }

  /// Lines such as `8:0 Read 4096`.
  private static func entries(_ group: Cgroup, _ file: String) -> [IOEntry] {
    ((try? group.read(file, of: "blkio")) ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count == 3, let value = UInt64(fields[2]), let device = device(fields[0]) else { return nil }
      return IOEntry(major: device.0, minor: device.1, operation: String(fields[1]), value: value)
    }
  }

  /// Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
  private mutating func readIO(_ text: String) {
    let names = ["rbytes": "Read", "wbytes": "Write", "dbytes": "Discard", "rios": "Read", "wios": "Write", "dios": "Discard"]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let first = fields.first, let device = Self.device(first) else { continue }
      for field in fields.dropFirst() {
        let parts = field.split(separator: "=")
        guard parts.count == 2, let operation = names[String(parts[0])], let value = UInt64(parts[1]) else { continue }
        let entry = IOEntry(major: device.0, minor: device.1, operation: operation, value: value)
        if parts[0].hasSuffix("bytes") { ioBytes.append(entry) } else { ioOperations.append(entry) }
      }
    }
  }

  private static func device(_ text: Substring) -> (UInt64, UInt64)? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else { return nil }
    return (major, minor)
  }
}
