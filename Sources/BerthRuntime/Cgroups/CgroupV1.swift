import BerthCore
import BerthLinux
import BerthOCI

/// The limits of cgroup v1. Source: the kernel's Documentation/admin-guide/cgroup-v1.
struct CgroupV1 {
  let group: Cgroup

  func apply(_ resources: RuntimeSpec.Resources, isNew: Bool) throws(BerthError) {
    if !resources.unified.isEmpty {
      throw BerthError(.unsupported, "limit cgroup", "linux.resources.unified", cause: "this machine has cgroup v1")
    }
    try applyMemory(resources.memory, isNew: isNew)
    try applyCPU(resources.cpu)
    if let pids = resources.pids { try group.write(pids > 0 ? String(pids) : "max", to: "pids.max", of: "pids") }
    try applyBlockIO(resources)
    try group.applyHugePages(resources.hugepageLimits, "limit_in_bytes", of: "hugetlb")
    try group.applyRDMA(resources.rdma, of: "rdma")
    try applyNetwork(resources.network)
    if isNew { try apply(resources.devices) }
  }

  /// Memory must never be above memory and swap together, at no time: the one that grows goes first.
  private func applyMemory(_ memory: RuntimeSpec.Memory, isNew: Bool) throws(BerthError) {
    let both = "memory.memsw.limit_in_bytes"
    let memory = memory.withoutZeros
    let countsSwap = memory.swap != nil && (try? group.read(both, of: "memory")) != nil
    let grows = !isNew && countsSwap && isAbove(memory.limit ?? -1, group.number(both, of: "memory") ?? 0)
    if grows, let swap = memory.swap { try group.write(String(swap), to: both, of: "memory") }
    if let limit = memory.limit { try limitMemory(limit) }
    if countsSwap, !grows, let swap = memory.swap { try group.write(String(swap), to: both, of: "memory") }
    if let reservation = memory.reservation { try group.write(String(reservation), to: "memory.soft_limit_in_bytes", of: "memory") }
    if let swappiness = memory.swappiness { try group.write(String(swappiness), to: "memory.swappiness", of: "memory") }
    if let limit = memory.kernelTCP { try group.write(String(limit), to: "memory.kmem.tcp.limit_in_bytes", of: "memory") }
    if let hierarchy = memory.useHierarchy { try group.write(hierarchy ? "1" : "0", to: "memory.use_hierarchy", of: "memory") }
    if memory.disableOOMKiller == true { try group.write("1", to: "memory.oom_control", of: "memory") }
  }

  private func isAbove(_ limit: Int64, _ bytes: UInt64) -> Bool { limit < 0 || UInt64(limit) > bytes }

  private func limitMemory(_ limit: Int64) throws(BerthError) {
    do throws(BerthError) { try group.write(String(limit), to: "memory.limit_in_bytes", of: "memory") } catch {
      // The kernel has tried to free enough.
      guard error.code == .failedPrecondition, let used = group.number("memory.usage_in_bytes", of: "memory") else { throw error }
      throw Cgroup.belowUsage(group, limit: limit, used: used)
    }
  }

  private func applyCPU(_ cpu: RuntimeSpec.CPU) throws(BerthError) {
    let cpu = cpu.withoutZeros
    // The kernel would take another number in silence, and be it the opposite of what was meant.
    if let shares = cpu.shares, !(2...262_144).contains(shares) {
      throw BerthError(.invalidArgument, "limit cgroup", "linux.resources.cpu.shares", cause: "\(shares) is not between 2 and 262144")
    }
    if let shares = cpu.shares { try group.write(String(shares), to: "cpu.shares", of: "cpu") }
    try applyRealtime(cpu)
    // A new period may contradict the old quota: then the quota goes first.
    var quotaFirst = false
    if let period = cpu.period {
      do throws(BerthError) { try group.write(String(period), to: "cpu.cfs_period_us", of: "cpu") } catch {
        guard error.code == .invalidArgument, cpu.quota != nil else { throw error }
        quotaFirst = true
      }
    }
    if let quota = cpu.quota { try group.write(String(quota), to: "cpu.cfs_quota_us", of: "cpu") }
    if quotaFirst, let period = cpu.period { try group.write(String(period), to: "cpu.cfs_period_us", of: "cpu") }
    if let burst = cpu.burst { try group.write(String(burst), to: "cpu.cfs_burst_us", of: "cpu") }
    if let idle = cpu.idle { try group.write(String(idle), to: "cpu.idle", of: "cpu") }
    if let cpus = cpu.cpus, !cpus.isEmpty { try group.write(cpus, to: "cpuset.cpus", of: "cpuset") }
    if let mems = cpu.mems, !mems.isEmpty { try group.write(mems, to: "cpuset.mems", of: "cpuset") }
  }

  /// The period first: a runtime is a share of it.
  private func applyRealtime(_ cpu: RuntimeSpec.CPU) throws(BerthError) {
    if let period = cpu.realtimePeriod { try group.write(String(period), to: "cpu.rt_period_us", of: "cpu") }
    if let runtime = cpu.realtimeRuntime { try group.write(String(runtime), to: "cpu.rt_runtime_us", of: "cpu") }
  }

  private func apply(_ rules: [RuntimeSpec.DeviceRule]) throws(BerthError) {
    for rule in rules where !rule.access.isEmpty {
      let file = rule.allow ? "devices.allow" : "devices.deny"
      let numbers = "\(rule.major.map(String.init) ?? "*"):\(rule.minor.map(String.init) ?? "*")"
      // The kernel takes "a" for all devices and all access only.
      if rule.type != .all {
        try group.write("\(rule.type.rawValue) \(numbers) \(rule.access)", to: file, of: "devices")
      } else if rule.major == nil, rule.minor == nil, "rwm".utf8.allSatisfy(rule.access.utf8.contains) {
        try group.write("a", to: file, of: "devices")
      } else {
        for type in ["c", "b"] { try group.write("\(type) \(numbers) \(rule.access)", to: file, of: "devices") }
      }
    }
  }

  func stats() -> CgroupStats {
    var stats = CgroupStats()
    stats.cpuMicroseconds = (group.number("cpuacct.usage", of: "cpuacct") ?? 0) / 1000
    stats.cpuUserMicroseconds = (group.number("cpuacct.usage_user", of: "cpuacct") ?? 0) / 1000
    stats.cpuSystemMicroseconds = (group.number("cpuacct.usage_sys", of: "cpuacct") ?? 0) / 1000
    stats.throttledPeriods = group.number("nr_throttled", in: "cpu.stat", of: "cpu") ?? 0
    stats.memoryBytes = group.number("memory.usage_in_bytes", of: "memory") ?? 0
    stats.memoryPeakBytes = group.number("memory.max_usage_in_bytes", of: "memory") ?? 0
    // No limit reads as the largest number of whole pages.
    stats.memoryLimitBytes = group.number("memory.limit_in_bytes", of: "memory").flatMap { $0 >= 1 << 62 ? nil : $0 }
    stats.pids = group.number("pids.current", of: "pids") ?? 0
    stats.oomKills = oomKills
    return stats
  }

  var oomKills: UInt64 { group.number("oom_kill", in: "memory.oom_control", of: "memory") ?? 0 }
}
