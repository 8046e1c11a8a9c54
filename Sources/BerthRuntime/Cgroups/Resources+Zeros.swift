import BerthOCI

/// Engines that are written in Go send 0 where they mean that nothing was asked for; runc takes it so, and so do containers that move.
extension RuntimeSpec.Memory {
  var withoutZeros: Self {
    var memory = self
    if memory.limit == 0 { memory.limit = nil }
    if memory.reservation == 0 { memory.reservation = nil }
    if memory.swap == 0 { memory.swap = nil }
    if memory.kernelTCP == 0 { memory.kernelTCP = nil }
    return memory
  }
}

extension RuntimeSpec.CPU {
  var withoutZeros: Self {
    var cpu = self
    if cpu.shares == 0 { cpu.shares = nil }
    if cpu.quota == 0 { cpu.quota = nil }
    if cpu.period == 0 { cpu.period = nil }
    if cpu.realtimePeriod == 0 { cpu.realtimePeriod = nil }
    if cpu.realtimeRuntime == 0 { cpu.realtimeRuntime = nil }
    return cpu
  }
}
