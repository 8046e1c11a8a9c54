import BerthCore

extension RuntimeSpec.Linux {
  init(_ reader: SpecReader, _ notModelled: inout [String]) throws(BerthError) {
    for entry in try reader.children("namespaces") {
      let namespace = RuntimeSpec.Namespace(try entry.choice("type"), path: try entry.string("path").flatMap { $0.isEmpty ? nil : $0 })
      guard !namespaces.contains(where: { $0.type == namespace.type }) else {
        throw SpecReader.failure(entry.path, "a second namespace of type \(namespace.type.rawValue)")
      }
      namespaces.append(namespace)
    }
    uidMappings = try RuntimeSpec.IDMapping.list(reader, "uidMappings")
    gidMappings = try RuntimeSpec.IDMapping.list(reader, "gidMappings")
    for device in try reader.children("devices") { devices.append(try RuntimeSpec.Device(device)) }
    cgroupsPath = try reader.string("cgroupsPath")
    resources = try reader.child("resources").map { (reader) throws(BerthError) in try RuntimeSpec.Resources(reader) }
    sysctl = try reader.map("sysctl")
    seccomp = try reader.child("seccomp").map { (reader) throws(BerthError) in try LinuxSeccomp(reader) }
    maskedPaths = try Self.paths(reader, "maskedPaths")
    readonlyPaths = try Self.paths(reader, "readonlyPaths")
    rootfsPropagation = try reader.string("rootfsPropagation").flatMap { $0.isEmpty ? nil : $0 }
    try readScheduling(reader)
    mountLabel = try reader.string("mountLabel").flatMap { $0.isEmpty ? nil : $0 }
    if let clocks = try reader.child("timeOffsets") {
      for clock in clocks.object.keys {
        guard let offset = try clocks.child(clock) else { continue }
        guard clock == "monotonic" || clock == "boottime" else { throw SpecReader.failure(clocks.at(clock), "is no clock that can be set") }
        timeOffsets[clock] = .init(seconds: try offset.number("secs") ?? 0, nanoseconds: try offset.number("nanosecs") ?? 0)
      }
    }
    for device in try reader.child("netDevices")?.object.keys ?? [] {
      netDevices[device] = try reader.child("netDevices")?.child(device)?.string("name").flatMap { $0.isEmpty ? nil : $0 } ?? device
    }
    notModelled += reader.present(["intelRdt"])
  }

  private static func paths(_ reader: SpecReader, _ key: String) throws(BerthError) -> [String] {
    let paths = try reader.strings(key)
    for (at, path) in paths.enumerated() where !path.hasPrefix("/") {
      throw SpecReader.failure("\(reader.at(key))[\(at)]", "is not an absolute path")
    }
    return paths
  }
}

extension RuntimeSpec.Device {
  init(_ reader: SpecReader) throws(BerthError) {
    path = try reader.required("path")
    type = try reader.choice("type")
    major = try reader.number("major") ?? 0
    minor = try reader.number("minor") ?? 0
    fileMode = try reader.number("fileMode")
    uid = try reader.number("uid")
    gid = try reader.number("gid")
    // The kernel packs 12 bits of major and 20 of minor into a device number.
    guard major < 1 << 12, minor < 1 << 20 else { throw SpecReader.failure(reader.path, "no such device number") }
  }
}

extension RuntimeSpec.Resources {
  init(_ reader: SpecReader) throws(BerthError) {
    for rule in try reader.children("devices") { devices.append(try RuntimeSpec.DeviceRule(rule)) }
    if let memory = try reader.child("memory") {
      self.memory = try RuntimeSpec.Memory(memory)
    }
    if let cpu = try reader.child("cpu") {
      self.cpu = try RuntimeSpec.CPU(cpu)
    }
    if let pids = try reader.child("pids") { self.pids = try pids.number("limit") }
    for limit in try reader.children("hugepageLimits") {
      hugepageLimits.append(.init(pageSize: try limit.required("pageSize"), limit: try limit.number("limit") ?? 0))
    }
    unified = try reader.map("unified")
    try readDevices(reader)
  }
}

extension RuntimeSpec.DeviceRule {
  init(_ reader: SpecReader) throws(BerthError) {
    guard let allow = try reader.bool("allow") else { throw SpecReader.failure(reader.at("allow"), "is missing") }
    self.init(allow: allow)
    if reader.has("type") { type = try reader.choice("type") }
    major = try Self.device(reader, "major")
    minor = try Self.device(reader, "minor")
    access = try reader.string("access") ?? "rwm"
    guard access.utf8.allSatisfy({ "rwm".utf8.contains($0) }) else { throw SpecReader.failure(reader.at("access"), "is not of r, w and m") }
  }

  /// -1 and absence stand for any number.
  private static func device(_ reader: SpecReader, _ key: String) throws(BerthError) -> UInt32? {
    guard let number = try reader.number(key, as: Int64.self), number != -1 else { return nil }
    guard let exact = UInt32(exactly: number) else { throw SpecReader.failure(reader.at(key), "no such device number") }
    return exact
  }
}

extension RuntimeSpec.Memory {
  init(_ reader: SpecReader) throws(BerthError) {
    limit = try reader.number("limit")
    reservation = try reader.number("reservation")
    swap = try reader.number("swap")
    swappiness = try reader.number("swappiness")
    kernel = try reader.number("kernel")
    kernelTCP = try reader.number("kernelTCP")
    useHierarchy = try reader.bool("useHierarchy")
    disableOOMKiller = try reader.bool("disableOOMKiller")
    checkBeforeUpdate = try reader.bool("checkBeforeUpdate")
  }
}

extension RuntimeSpec.CPU {
  init(_ reader: SpecReader) throws(BerthError) {
    shares = try reader.number("shares")
    quota = try reader.number("quota")
    period = try reader.number("period")
    burst = try reader.number("burst")
    realtimeRuntime = try reader.number("realtimeRuntime")
    realtimePeriod = try reader.number("realtimePeriod")
    cpus = try reader.string("cpus")
    mems = try reader.string("mems")
    idle = try reader.number("idle")
  }
}

extension LinuxSeccomp {
  init(_ reader: SpecReader) throws(BerthError) {
    defaultAction = try reader.required("defaultAction")
    defaultErrno = try reader.number("defaultErrnoRet")
    architectures = try reader.strings("architectures")
    flags = try reader.strings("flags")
    listenerPath = try reader.string("listenerPath")
    listenerMetadata = try reader.string("listenerMetadata")
    for rule in try reader.children("syscalls") { syscalls.append(try Rule(rule)) }
  }
}

extension LinuxSeccomp.Rule {
  init(_ reader: SpecReader) throws(BerthError) {
    names = try reader.strings("names")
    // Left out, or under a name of old: what was to be forbidden would be allowed.
    guard !names.isEmpty, !names.contains("") else { throw SpecReader.failure(reader.at("names"), "names no system call") }
    action = try reader.required("action")
    errno = try reader.number("errnoRet")
    args = []
    for arg in try reader.children("args") {
      guard let index = try arg.number("index", as: UInt32.self), index < 6 else {
        throw SpecReader.failure(arg.at("index"), "expected 0 to 5")
      }
      args.append(
        LinuxSeccomp.Argument(index, try arg.required("op"), try arg.number("value") ?? 0, try arg.number("valueTwo") ?? 0))
    }
  }
}
