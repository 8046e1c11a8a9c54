import BerthCore
import BerthRuntime

/// A group's use in the shape of runc's `events`.
enum StatsDocument {
  static func json(_ report: CgroupReport) -> JSON {
    let stats = report.stats
    return [
      "cpu": [
        "usage": [
          "total": .unsigned(stats.cpuMicroseconds &* 1000), "percpu": .array(report.perCPU.map { .unsigned($0) }),
          "kernel": .unsigned(stats.cpuSystemMicroseconds &* 1000), "user": .unsigned(stats.cpuUserMicroseconds &* 1000),
        ],
        "throttling": [
          "periods": .unsigned(report.periods), "throttledPeriods": .unsigned(stats.throttledPeriods),
          "throttledTime": .unsigned(report.throttledNanoseconds),
        ],
      ],
      "memory": [
        "cache": .unsigned(report.cacheBytes), "usage": amount(report.memory), "swap": amount(report.swap),
        "kernel": ["usage": .unsigned(report.kernelBytes)],
        "raw": .object(report.memoryStat.reduce(into: JSONObject()) { $0[$1.key] = .unsigned($1.value) }),
      ],
      "pids": ["current": .unsigned(stats.pids), "limit": .unsigned(report.pidsLimit ?? 0)],
      "blkio": [
        "ioServiceBytesRecursive": .array(report.ioBytes.map(entry)), "ioServicedRecursive": .array(report.ioOperations.map(entry)),
      ],
    ]
  }

  /// What v1's files say where there is no limit: the largest number of whole pages.
  private static let unlimited: UInt64 = 0x7fff_ffff_ffff_f000

  private static func amount(_ amount: CgroupReport.Amount) -> JSON {
    [
      "limit": .unsigned(amount.limit ?? unlimited), "usage": .unsigned(amount.usage), "max": .unsigned(amount.peak),
      "failcnt": .unsigned(amount.failures),
    ]
  }

  private static func entry(_ entry: CgroupReport.IOEntry) -> JSON {
    ["major": .unsigned(entry.major), "minor": .unsigned(entry.minor), "op": .string(entry.operation), "value": .unsigned(entry.value)]
  }
}
