import BerthCore
import BerthLinux
import BerthOCI

/// The limits of cgroup v2. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
struct CgroupV2 {
  let group: Cgroup

  private func write(_ value: String, to file: String) throws(BerthError) { try group.write(value, to: file, of: "") }

  func apply(_ resources: RuntimeSpec.Resources, isNew: Bool) throws(BerthError) {
    try applyMemory(resources.memory, isNew: isNew)
    try applyCPU(resources.cpu)
    if let pids = resources.pids { try write(pids > 0 ? String(pids) : "max", to: "pids.max") }
    try applyIO(resources)
    try group.applyHugePages(resources.hugepageLimits, "max", of: "")
    try group.applyRDMA(resources.rdma, of: "")
    if resources.network != RuntimeSpec.NetworkMarks() {
      throw BerthError(.unsupported, "limit cgroup", "linux.resources.network", cause: "this machine has cgroup v2, which marks no packets")
    }
    for file in resources.unified.keys.sorted() {
      if let value = resources.unified[file] { try write(value, to: try plain(file, "unified")) }
    }
    if isNew, !resources.devices.isEmpty { try DeviceFilter.attach(resources.devices, to: group) }
  }

  /// A name that becomes (part of) a file's name in the group's own directory.
  private func plain(_ name: String, _ field: String) throws(BerthError) -> String {
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
      throw BerthError(.invalidArgument, "limit cgroup", "linux.resources.\(field)", cause: "no name of a file: \"\(name)\"")
    }
    return name
  }

  private func applyMemory(_ memory: RuntimeSpec.Memory, isNew: Bool) throws(BerthError) {
    let memory = memory.withoutZeros
    if memory.swappiness != nil || memory.disableOOMKiller == true || memory.kernelTCP != nil || memory.useHierarchy == false {
      throw BerthError(
        .unsupported, "limit cgroup", "linux.resources.memory",
        cause: "swappiness, disableOOMKiller, kernelTCP and a flat hierarchy are cgroup v1's")
    }
    if let limit = memory.limit {
      // Where v1 refuses, v2 would kill.
      let used = group.number("memory.current", of: "") ?? 0
      let reclaimable = group.number("inactive_file", in: "memory.stat", of: "") ?? 0
      let needed = used > reclaimable ? used - reclaimable : 0
      if !isNew, limit >= 0, needed > UInt64(limit) { throw Cgroup.belowUsage(group, limit: limit, used: needed) }
      try write(Self.maximum(limit), to: "memory.max")
    }
    if let swap = memory.swap { try applySwap(swap, limit: memory.limit) }
    if let reservation = memory.reservation { try write(Self.maximum(reservation), to: "memory.low") }
  }

  /// The specification counts memory and swap together, v2 swap alone.
  private func applySwap(_ swap: Int64, limit: Int64?) throws(BerthError) {
    guard (try? group.read("memory.swap.max", of: "")) != nil else { return }
    guard swap >= 0 else { return try write("max", to: "memory.swap.max") }
    let limit = limit ?? group.number("memory.max", of: "").flatMap { Int64(exactly: $0) } ?? 0
    guard limit >= 0, swap >= limit else {
      throw BerthError(.invalidArgument, "limit cgroup", "linux.resources.memory.swap", cause: "is below the memory limit")
    }
    try write(String(swap - limit), to: "memory.swap.max")
  }

  private func applyCPU(_ cpu: RuntimeSpec.CPU) throws(BerthError) {
    let cpu = cpu.withoutZeros
    if cpu.realtimeRuntime != nil || cpu.realtimePeriod != nil {
      throw BerthError(.unsupported, "limit cgroup", "linux.resources.cpu", cause: "realtimeRuntime and realtimePeriod are cgroup v1's")
    }
    if let shares = cpu.shares { try write(String(Self.cpuWeight(shares)), to: "cpu.weight") }
    if cpu.quota != nil || cpu.period != nil {
      let now = ((try? group.read("cpu.max", of: "")) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
      let quota = cpu.quota.map { $0 > 0 ? String($0) : "max" } ?? now.first ?? "max"
      let period = cpu.period.map { String($0) } ?? (now.count > 1 ? now[1] : "100000")
      try write("\(quota) \(period)", to: "cpu.max")
    }
    if let burst = cpu.burst { try write(String(burst), to: "cpu.max.burst") }
    if let idle = cpu.idle { try write(String(idle), to: "cpu.idle") }
    if let cpus = cpu.cpus, !cpus.isEmpty { try write(cpus, to: "cpuset.cpus") }
    if let mems = cpu.mems, !mems.isEmpty { try write(mems, to: "cpuset.mems") }
  }

  static func maximum(_ limit: Int64) -> String { limit < 0 ? "max" : String(limit) }

  /// v1's 2…262144 onto v2's 1…10000, linear as every runtime does it.
  static func cpuWeight(_ shares: UInt64) -> UInt64 { 1 + (min(max(shares, 2), 262_144) - 2) * 9999 / 262_142 }

  func stats() -> CgroupStats {
    var stats = CgroupStats()
    stats.cpuMicroseconds = group.number("usage_usec", in: "cpu.stat", of: "") ?? 0
    stats.cpuUserMicroseconds = group.number("user_usec", in: "cpu.stat", of: "") ?? 0
    stats.cpuSystemMicroseconds = group.number("system_usec", in: "cpu.stat", of: "") ?? 0
    stats.throttledPeriods = group.number("nr_throttled", in: "cpu.stat", of: "") ?? 0
    stats.memoryBytes = group.number("memory.current", of: "") ?? 0
    stats.memoryPeakBytes = group.number("memory.peak", of: "") ?? 0
    stats.memoryLimitBytes = group.number("memory.max", of: "")
    stats.pids = group.number("pids.current", of: "") ?? 0
    stats.oomKills = oomKills
    stats.cpuPressure = CgroupPressure(group, "cpu")
    stats.memoryPressure = CgroupPressure(group, "memory")
    stats.ioPressure = CgroupPressure(group, "io")
    return stats
  }

  var oomKills: UInt64 { group.number("oom_kill", in: "memory.events", of: "") ?? 0 }
}
