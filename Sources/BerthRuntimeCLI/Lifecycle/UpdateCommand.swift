import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `update`: other limits for a container that runs.
enum UpdateCommand {
  private static let grammar = Grammar(
    values: [
      "resources r", "blkio-weight", "cpu-period", "cpu-quota", "cpu-share", "cpu-burst", "cpu-idle", "cpuset-cpus", "cpuset-mems",
      "memory",
      "memory-reservation", "memory-swap", "pids-limit", "cpu-rt-period", "cpu-rt-runtime", "kernel-memory", "kernel-memory-tcp",
      "l3-cache-schema", "mem-bw-schema",
    ])

  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, grammar, command: "update")
    let id = try call.id(words, "update")
    for name in ["l3-cache-schema", "mem-bw-schema"]
    where words.value(name) != nil {
      throw BerthError(.unsupported, "update", "--\(name)", cause: "is not supported: resctrl is left alone")
    }
    let lock = try call.store.container(id).folder.lock()
    let container = try call.store.container(id)
    try container.needs(.created, .running, .paused, to: "update container")
    let resources = try given(words)
    guard let cgroup = container.cgroup else { throw BerthError(.unavailable, "update", id, cause: "this machine has no cgroups") }
    try cgroup.update(resources)
    _ = consume lock
    return 0
  }

  private static func given(_ words: Words) throws(BerthError) -> RuntimeSpec.Resources {
    if let file = words.value("resources") { return try read(file) }
    return try options(words)
  }

  private static func read(_ file: String) throws(BerthError) -> RuntimeSpec.Resources {
    let json: JSON
    do {
      json = try JSON(parsing: try Files.read(file == "-" ? "/proc/self/fd/0" : file, limit: 1 << 20))
    } catch { throw BerthError(.invalidArgument, "read resources", file, cause: "\(error)") }
    let spec = try RuntimeSpec(decoding: ["ociVersion": "1.0.0", "linux": ["resources": json]])
    if let field = spec.notModelled.first { throw BerthError(.unsupported, "read resources", field, cause: "is not supported yet") }
    return spec.linux?.resources ?? RuntimeSpec.Resources()
  }

  private static func options(_ words: Words) throws(BerthError) -> RuntimeSpec.Resources {
    var resources = RuntimeSpec.Resources()
    resources.cpu.period = try number(words, "cpu-period")
    resources.cpu.quota = try number(words, "cpu-quota")
    resources.cpu.shares = try number(words, "cpu-share")
    resources.cpu.burst = try number(words, "cpu-burst")
    resources.cpu.idle = try number(words, "cpu-idle")
    resources.cpu.realtimePeriod = try number(words, "cpu-rt-period")
    resources.cpu.realtimeRuntime = try number(words, "cpu-rt-runtime")
    resources.cpu.cpus = words.value("cpuset-cpus")
    resources.cpu.mems = words.value("cpuset-mems")
    resources.memory.limit = try bytes(words, "memory")
    resources.memory.reservation = try bytes(words, "memory-reservation")
    resources.memory.swap = try bytes(words, "memory-swap")
    resources.memory.kernel = try bytes(words, "kernel-memory")
    resources.memory.kernelTCP = try bytes(words, "kernel-memory-tcp")
    resources.pids = try words.number("pids-limit")
    resources.blockIOWeight = try words.number("blkio-weight")
    return resources
  }

  /// An empty text is none.
  private static func number<Number: FixedWidthInteger>(_ words: Words, _ name: String) throws(BerthError) -> Number? {
    words.value(name)?.isEmpty == true ? nil : try words.number(name)
  }

  /// -1, or a number of bytes as engines in Go write it: `64m`, `1.5 GB`, `10MiB`. Units are powers of 1024.
  private static func bytes(_ words: Words, _ name: String) throws(BerthError) -> Int64? {
    guard let text = words.value(name), !text.isEmpty else { return nil }
    guard let amount = bytes(text) else {
      throw BerthError(.invalidArgument, "update", "--\(name)", cause: "\"\(text)\" is no number of bytes")
    }
    return amount
  }

  static func bytes(_ text: String) -> Int64? {
    if let number = Int64(text), number >= -1, text.utf8.first != 43 { return number }
    let figures = text.prefix { $0 == "." || ("0"..."9").contains($0) }
    var unit = text.dropFirst(figures.count)
    if unit.first == " " { unit = unit.dropFirst() }
    var letters = unit.lowercased()
    for ending in ["ib", "b"] where letters.count > ending.count && letters.hasSuffix(ending) {
      letters.removeLast(ending.count)
      break
    }
    let exponents = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50]
    guard let exponent = letters.isEmpty ? 0 : exponents[letters], letters != "b" || unit.count == 1 else { return nil }
    if let whole = Int64(figures) {
      let (product, overflows) = whole.multipliedReportingOverflow(by: 1 << Int64(exponent))
      return overflows ? nil : product
    }
    return Double(figures).flatMap { Int64(exactly: ($0 * Double(1 << exponent)).rounded(.down)) }
  }
}
