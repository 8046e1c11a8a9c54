import BerthCore

extension RuntimeSpec {
  /// Throws `.invalidArgument` naming the JSON path of what is wrong, `.unsupported` for a version that isn't 1.x.
  public init(parsing bytes: [UInt8]) throws(BerthError) {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch {
      throw BerthError(
        .invalidArgument, "read config.json", JSONPlace(of: error.offset, in: bytes).description, cause: error.description)
    }
    try self.init(decoding: json)
  }

  /// As `init(parsing:)`, from a parsed document.
  public init(decoding json: JSON) throws(BerthError) {
    let reader = try SpecReader(json)
    ociVersion = try reader.required("ociVersion")
    guard Self.isVersion1(ociVersion) else {
      throw BerthError(.unsupported, "read config.json", "ociVersion", cause: "\"\(ociVersion)\" is no version 1")
    }
    process = try reader.child("process").map { (reader) throws(BerthError) in try Process(reader, &notModelled) }
    root = try reader.child("root").map { (reader) throws(BerthError) in
      Root(path: try reader.required("path"), readonly: try reader.bool("readonly") ?? false)
    }
    hostname = try reader.string("hostname")
    domainname = try reader.string("domainname")
    for mount in try reader.children("mounts") { mounts.append(try Mount(mount)) }
    if let hooks = try reader.child("hooks") { self.hooks = try Hooks(hooks) }
    annotations = try reader.map("annotations")
    guard annotations[""] == nil else { throw SpecReader.failure("annotations", "has an empty key") }
    linux = try reader.child("linux").map { (reader) throws(BerthError) in try Linux(reader, &notModelled) }
    notModelled += reader.present(["windows", "solaris", "vm", "zos", "freebsd"])
  }

  /// `1.MINOR.PATCH`, with or without what stands behind `-` or `+`. Later minor versions only add members.
  private static func isVersion1(_ text: String) -> Bool {
    var rest = Array(text.utf8.prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") })[...]
    let dot = UInt8(ascii: ".")
    guard rest.last != dot, rest.popField(dot)?.elementsEqual("1".utf8) == true else { return false }
    guard let minor = rest.popField(dot), let patch = rest.popField(dot), rest.isEmpty else { return false }
    return !minor.isEmpty && minor.allSatisfy { (48...57).contains($0) } && !patch.isEmpty && patch.allSatisfy { (48...57).contains($0) }
  }
}

extension RuntimeSpec.Process {
  init(_ reader: SpecReader, _ notModelled: inout [String]) throws(BerthError) {
    args = try reader.strings("args")
    guard !args.isEmpty else { throw SpecReader.failure(reader.at("args"), "names no command") }
    cwd = try reader.required("cwd")
    guard cwd.hasPrefix("/") else { throw SpecReader.failure(reader.at("cwd"), "is not an absolute path") }
    terminal = try reader.bool("terminal") ?? false
    if let size = try reader.child("consoleSize") {
      consoleSize = RuntimeSpec.ConsoleSize(height: try size.number("height") ?? 0, width: try size.number("width") ?? 0)
    }
    if let user = try reader.child("user") { self.user = try RuntimeSpec.User(user) }
    env = try reader.strings("env")
    for (at, entry) in env.enumerated() where !entry.dropFirst().utf8.contains(UInt8(ascii: "=")) {
      throw SpecReader.failure("\(reader.at("env"))[\(at)]", "is not NAME=value")
    }
    capabilities = try reader.child("capabilities").map { (reader) throws(BerthError) in try RuntimeSpec.Capabilities(reader) }
    for limit in try reader.children("rlimits") { rlimits.append(try RuntimeSpec.Rlimit(limit)) }
    noNewPrivileges = try reader.bool("noNewPrivileges") ?? false
    oomScoreAdj = try reader.number("oomScoreAdj")
    apparmorProfile = try reader.string("apparmorProfile")
    selinuxLabel = try reader.string("selinuxLabel")
    try readScheduling(reader)
  }
}

extension RuntimeSpec.User {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(
      uid: try reader.number("uid") ?? 0, gid: try reader.number("gid") ?? 0, umask: try reader.number("umask"),
      additionalGids: try reader.numbers("additionalGids"))
    if let umask, umask > 0o777 { throw SpecReader.failure(reader.at("umask"), "has other bits than 0777") }
    // To the kernel the last number means "leave it as it is": the process would stay root.
    if uid == .max { throw Self.noID(reader.at("uid")) }
    if gid == .max { throw Self.noID(reader.at("gid")) }
    for (at, id) in additionalGids.enumerated() where id == .max { throw Self.noID("\(reader.at("additionalGids"))[\(at)]") }
    guard additionalGids.count <= Self.groupLimit else {
      throw SpecReader.failure(reader.at("additionalGids"), "has more than \(Self.groupLimit) groups")
    }
  }

  /// The kernel's NGROUPS_MAX.
  private static var groupLimit: Int { 65536 }

  private static func noID(_ path: String) -> BerthError {
    SpecReader.failure(path, "4294967295 is no id: to the kernel it means none")
  }
}

extension RuntimeSpec.Capabilities {
  init(_ reader: SpecReader) throws(BerthError) {
    bounding = try reader.strings("bounding")
    effective = try reader.strings("effective")
    inheritable = try reader.strings("inheritable")
    permitted = try reader.strings("permitted")
    ambient = try reader.strings("ambient")
  }
}

extension RuntimeSpec.Rlimit {
  init(_ reader: SpecReader) throws(BerthError) {
    type = try reader.required("type")
    soft = try reader.number("soft") ?? 0
    hard = try reader.number("hard") ?? 0
    guard soft <= hard else { throw SpecReader.failure(reader.path, "soft is above hard") }
  }
}

extension RuntimeSpec.Mount {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(
      destination: try reader.required("destination"), type: try reader.string("type"), source: try reader.string("source"),
      options: try reader.strings("options"))
    uidMappings = try RuntimeSpec.IDMapping.list(reader, "uidMappings")
    gidMappings = try RuntimeSpec.IDMapping.list(reader, "gidMappings")
  }
}

extension RuntimeSpec.IDMapping {
  static func list(_ reader: SpecReader, _ key: String) throws(BerthError) -> [RuntimeSpec.IDMapping] {
    var mappings: [RuntimeSpec.IDMapping] = []
    for entry in try reader.children(key) {
      mappings.append(
        RuntimeSpec.IDMapping(
          containerID: try entry.number("containerID") ?? 0, hostID: try entry.number("hostID") ?? 0, size: try entry.number("size") ?? 0))
    }
    return mappings
  }
}

extension RuntimeSpec.Hooks {
  init(_ reader: SpecReader) throws(BerthError) {
    prestart = try RuntimeSpec.Hook.list(reader, "prestart")
    createRuntime = try RuntimeSpec.Hook.list(reader, "createRuntime")
    createContainer = try RuntimeSpec.Hook.list(reader, "createContainer")
    startContainer = try RuntimeSpec.Hook.list(reader, "startContainer")
    poststart = try RuntimeSpec.Hook.list(reader, "poststart")
    poststop = try RuntimeSpec.Hook.list(reader, "poststop")
  }
}

extension RuntimeSpec.Hook {
  static func list(_ reader: SpecReader, _ key: String) throws(BerthError) -> [RuntimeSpec.Hook] {
    var hooks: [RuntimeSpec.Hook] = []
    for entry in try reader.children(key) {
      var hook = RuntimeSpec.Hook(path: try entry.required("path"))
      guard hook.path.hasPrefix("/") else { throw SpecReader.failure(entry.at("path"), "is not an absolute path") }
      hook.args = try entry.strings("args")
      hook.env = try entry.strings("env")
      hook.timeoutSeconds = try entry.number("timeout")
      if let seconds = hook.timeoutSeconds, seconds < 1 { throw SpecReader.failure(entry.at("timeout"), "is below 1") }
      hooks.append(hook)
    }
    return hooks
  }
}
