import BerthCore
import BerthOCI

extension LaunchRequest {
  public func json() -> JSON {
    var out: JSONObject = ["version": .integer(initProcess == .command ? 1 : 2), "id": .string(id), "bundle": .string(bundle)]
    switch rootfs {
    case .directory(let path): out["rootfs"] = ["directory": .string(path)]
    case .overlay(let lower, let upper, let work):
      out["rootfs"] = ["lower": .strings(lower), "upper": .string(upper), "work": .string(work)]
    }
    if let user { out["user"] = .string(user) }
    out["run_as_non_root"] = .bool(runAsNonRoot)
    if let seccompFilter { out["seccomp_filter"] = .string(seccompFilter) }
    out["rootfs_without_devices"] = .bool(rootfsWithoutDevices)
    out["sandbox_namespaces"] = .strings(sandboxNamespaces.map(\.rawValue))
    out["sub_paths"] = .strings(subPaths)
    if !creatableSubPaths.isEmpty { out["creatable_sub_paths"] = .strings(creatableSubPaths) }
    if initProcess != .command { out["init"] = .string(initProcess.rawValue) }
    return .object(out)
  }

  /// Throws `.invalidArgument` naming the member, `.unsupported` for a newer version.
  public init(decoding json: JSON) throws(BerthError) {
    guard let version = json["version"]?.integer else { throw Self.failure("version", "is missing") }
    guard version >= 1, version <= Self.version else {
      throw BerthError(.unsupported, "read launch request", "version", cause: "version \(version) is not known here")
    }
    self.init(
      id: try Self.text(json, "id"), bundle: try Self.text(json, "bundle"), rootfs: try Self.rootfs(json["rootfs"] ?? .null))
    user = json["user"]?.string
    runAsNonRoot = json["run_as_non_root"]?.bool ?? false
    seccompFilter = json["seccomp_filter"]?.string
    rootfsWithoutDevices = json["rootfs_without_devices"]?.bool ?? true
    for item in json["sandbox_namespaces"]?.array ?? [] {
      guard let kind = item.string.flatMap(RuntimeSpec.NamespaceKind.init) else {
        throw Self.failure("sandbox_namespaces", "holds an unknown kind")
      }
      sandboxNamespaces.append(kind)
    }
    for (destination, path) in json["sub_paths"]?.object ?? [:] {
      guard let path = path.string else { throw Self.failure("sub_paths", "expected strings") }
      subPaths[destination] = path
    }
    if let text = json["init"]?.string {
      guard let kind = InitProcess(rawValue: text) else { throw Self.failure("init", "is an unknown kind") }
      initProcess = kind
    }
    creatableSubPaths = (json["creatable_sub_paths"]?.array ?? []).compactMap(\.string)
  }

  private static func failure(_ member: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "read launch request", member, cause: cause)
  }

  private static func text(_ json: JSON, _ key: String) throws(BerthError) -> String {
    guard let text = json[key]?.string, !text.isEmpty, !text.utf8.contains(0) else { throw failure(key, "expected a string without NUL") }
    return text
  }

  private static func rootfs(_ json: JSON) throws(BerthError) -> RootfsSource {
    if json["directory"] != nil { return .directory(try text(json, "directory")) }
    var lower: [String] = []
    for item in json["lower"]?.array ?? [] {
      guard let path = item.string, !path.isEmpty, !path.utf8.contains(0) else { throw failure("rootfs.lower", "expected paths") }
      lower.append(path)
    }
    guard !lower.isEmpty else { throw failure("rootfs", "expected a directory or an overlay with layers") }
    return .overlay(lower: lower, upper: try text(json, "upper"), work: try text(json, "work"))
  }
}
