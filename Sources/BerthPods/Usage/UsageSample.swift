import BerthCore
import BerthRuntime

/// What a running container uses at one moment; counters count from its start.
public struct UsageSample: Sendable, Hashable {
  public var name: String
  public var cpuNanoseconds: UInt64
  /// Without what the kernel could give back at once, as a kubelet counts it.
  public var memoryBytes: UInt64
  /// nil: unlimited.
  public var memoryLimit: UInt64?
  public var processes: UInt64
  public var readBytes: UInt64
  public var writtenBytes: UInt64
  /// nil where the kernel doesn't tell (cgroup v1).
  public var cpuPressure: CgroupPressure?
  public var memoryPressure: CgroupPressure?
  public var ioPressure: CgroupPressure?

  init(name: String, _ group: Cgroup) {
    let report = CgroupReport(group)
    self.name = name
    cpuNanoseconds = report.stats.cpuMicroseconds &* 1000
    let idle = report.memoryStat.first { $0.key == "total_inactive_file" } ?? report.memoryStat.first { $0.key == "inactive_file" }
    memoryBytes = report.memory.usage - min(report.memory.usage, idle?.value ?? 0)
    memoryLimit = report.memory.limit
    processes = report.stats.pids
    readBytes = Self.sum(report.ioBytes, "Read")
    writtenBytes = Self.sum(report.ioBytes, "Write")
    cpuPressure = report.stats.cpuPressure
    memoryPressure = report.stats.memoryPressure
    ioPressure = report.stats.ioPressure
  }

  private static func sum(_ entries: [CgroupReport.IOEntry], _ operation: String) -> UInt64 {
    entries.reduce(0) { $1.operation == operation ? $0 &+ $1.value : $0 }
  }

  public var json: JSON {
    [
      "name": .string(name), "cpu_ns": .integer(Int64(clamping: cpuNanoseconds)), "memory_bytes": .integer(Int64(clamping: memoryBytes)),
      "memory_limit_bytes": .optional(memoryLimit.map { Int64(clamping: $0) }), "pids": .integer(Int64(clamping: processes)),
      "io_read_bytes": .integer(Int64(clamping: readBytes)), "io_written_bytes": .integer(Int64(clamping: writtenBytes)),
      "pressure": ["cpu": Self.percent(cpuPressure), "memory": Self.percent(memoryPressure), "io": Self.percent(ioPressure)],
    ]
  }

  /// `0.12`, as the kernel writes it.
  private static func percent(_ pressure: CgroupPressure?) -> JSON {
    pressure.map { .string("\($0.someTen / 100).\($0.someTen % 100 < 10 ? "0" : "")\($0.someTen % 100)") } ?? .null
  }
}

extension Pod {
  /// Of every container that has a cgroup now. Reads the kernel alone: a pod that lost its shim is measured, too.
  public func usageSamples() -> [UsageSample] {
    record.spec.allContainers.compactMap { container in
      guard let group = try? context.cgroup(context.containerCgroup(uid, container.name)), group.exists() else { return nil }
      return UsageSample(name: container.name, group)
    }
  }
}
