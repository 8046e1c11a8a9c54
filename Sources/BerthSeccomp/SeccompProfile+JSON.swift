import BerthCore
import BerthOCI

extension SeccompProfile {
  /// From Docker's or Podman's JSON. `archMap` and `architectures` are left aside: a filter is for the node's own architecture, calls of
  /// any other kill. Throws `.invalidArgument` naming the member.
  public init(parsing bytes: [UInt8]) throws(BerthError) {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch { throw Self.failure("", error.description) }
    guard let action = json["defaultAction"]?.string else { throw Self.failure("defaultAction", "is missing") }
    self.init(defaultAction: action, defaultErrno: try Self.errno(json["defaultErrnoRet"], "defaultErrnoRet"))
    flags = try Self.strings(json["flags"], "flags")
    for (at, item) in try Self.list(json["syscalls"], "syscalls").enumerated() { rules.append(try Rule(item, "syscalls[\(at)]")) }
  }

  fileprivate static func failure(_ path: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "read seccomp profile", path, cause: cause)
  }

  fileprivate static func list(_ json: JSON?, _ path: String) throws(BerthError) -> [JSON] {
    guard let json, !json.isNull else { return [] }
    guard let items = json.array else { throw failure(path, "expected an array") }
    return items
  }

  fileprivate static func strings(_ json: JSON?, _ path: String) throws(BerthError) -> [String] {
    var texts: [String] = []
    for item in try list(json, path) {
      guard let text = item.string, !text.utf8.contains(0) else { throw failure(path, "expected strings") }
      texts.append(text)
    }
    return texts
  }

  fileprivate static func errno(_ json: JSON?, _ path: String) throws(BerthError) -> UInt32? {
    guard let json, !json.isNull else { return nil }
    guard let number = json.unsigned.flatMap({ UInt32(exactly: $0) }) else { throw failure(path, "expected an error number") }
    return number
  }
}

extension SeccompProfile.Rule {
  fileprivate init(_ json: JSON, _ path: String) throws(BerthError) {
    guard json.object != nil else { throw SeccompProfile.failure(path, "expected an object") }
    var names = try SeccompProfile.strings(json["names"], "\(path).names")
    if let name = json["name"]?.string, !name.isEmpty { names.append(name) }
    guard !names.isEmpty, !names.contains("") else { throw SeccompProfile.failure("\(path).names", "names no system call") }
    guard let action = json["action"]?.string else { throw SeccompProfile.failure("\(path).action", "is missing") }
    var rule = LinuxSeccomp.Rule(names, action: action, errno: try SeccompProfile.errno(json["errnoRet"], "\(path).errnoRet"))
    for arg in try SeccompProfile.list(json["args"], "\(path).args") {
      guard let index = arg["index"]?.unsigned, index < 6, let op = arg["op"]?.string, let value = arg["value"]?.unsigned else {
        throw SeccompProfile.failure("\(path).args", "expected index, value and op")
      }
      rule.args.append(LinuxSeccomp.Argument(UInt32(index), op, value, arg["valueTwo"]?.unsigned ?? 0))
    }
    self.init(
      rule, includes: try SeccompProfile.Condition(json["includes"], "\(path).includes"),
      excludes: try SeccompProfile.Condition(json["excludes"], "\(path).excludes"))
  }
}

extension SeccompProfile.Condition {
  fileprivate init(_ json: JSON?, _ path: String) throws(BerthError) {
    self.init(
      capabilities: try SeccompProfile.strings(json?["caps"], "\(path).caps"),
      architectures: try SeccompProfile.strings(json?["arches"], "\(path).arches"))
    guard let text = json?["minKernel"]?.string, !text.isEmpty else { return }
    guard let version = KernelVersion(text) else { throw SeccompProfile.failure("\(path).minKernel", "is no kernel version") }
    minimumKernel = version
  }
}
