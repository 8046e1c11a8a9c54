import BerthCore
import BerthLinux
import BerthOCI

/// Devices by the names that their vendors gave them. Source: the Container Device Interface specification, 0.8
/// (github.com/cncf-tags/container-device-interface, SPEC.md). Specs are read as JSON; what a device needs and Berth can't do is an error.
struct CDIRegistry: Sendable {
  /// Where specs lie; of two with one device the later folder's wins.
  var folders = ["/etc/cdi", "/var/run/cdi"]
  static let sizeLimit = 4 << 20

  /// Adds what `vendor.com/class=name` stands for.
  func apply(_ name: String, to edits: inout DeviceEdits) throws(BerthError) {
    let parts = name.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw DeviceEdits.failure(name, "it is no CDI name") }
    var unread: [String] = []
    for folder in folders.reversed() {
      for file in ((try? Files.list(folder)) ?? []).sorted() {
        let path = "\(folder)/\(file)"
        if file.hasSuffix(".yaml") || file.hasSuffix(".yml") { unread.append(path) }
        guard file.hasSuffix(".json") else { continue }
        let spec = try read(path)
        guard spec["kind"]?.string == parts[0] else { continue }
        guard let device = spec["devices"]?.array?.first(where: { $0["name"]?.string == parts[1] }) else { continue }
        try CDIEdits(path: path, name: name).apply(spec["containerEdits"], to: &edits)
        try CDIEdits(path: path, name: name).apply(device["containerEdits"], to: &edits)
        return
      }
    }
    let hint = unread.isEmpty ? "" : "; \(unread.joined(separator: ", ")) can't be read: write it as JSON"
    throw DeviceEdits.failure(name, "no spec in \(folders.joined(separator: " and ")) has it\(hint)")
  }

  private func read(_ path: String) throws(BerthError) -> JSON {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path, limit: Self.sizeLimit) } catch { throw DeviceEdits.failure(path, "\(error)") }
    do throws(JSONError) { return try JSON(parsing: bytes) } catch { throw DeviceEdits.failure(path, "\(error)") }
  }
}

/// The `containerEdits` of one spec.
struct CDIEdits {
  let path: String
  let name: String

  private static let known: Set = ["env", "deviceNodes", "mounts", "additionalGids"]

  func apply(_ json: JSON?, to edits: inout DeviceEdits) throws(BerthError) {
    for member in json?.object ?? [:] where !Self.known.contains(member.key) && member.value.array?.isEmpty != true {
      throw failure("'\(member.key)' is not supported")
    }
    edits.env += (json?["env"]?.array ?? []).compactMap(\.string)
    edits.groups += (json?["additionalGids"]?.array ?? []).compactMap { $0.integer.flatMap { UInt32(exactly: $0) } }
    for node in json?["deviceNodes"]?.array ?? [] { try apply(node: node, to: &edits) }
    for mount in json?["mounts"]?.array ?? [] { edits.mounts.append(try self.mount(mount)) }
  }

  private func apply(node: JSON, to edits: inout DeviceEdits) throws(BerthError) {
    guard let container = node["path"]?.string, container.hasPrefix("/dev/") else { throw failure("a device node has no path below /dev") }
    let permissions = node["permissions"]?.string ?? "rwm"
    guard !permissions.isEmpty, permissions.utf8.allSatisfy({ "rwm".utf8.contains($0) }) else {
      throw failure("no permissions: \(permissions)")
    }
    // What the spec says of a node is what the node itself says, but for its owner and mode.
    try edits.add(node["hostPath"]?.string ?? container, as: container, permissions)
    guard let last = edits.devices.indices.last else { return }
    func number(_ key: String) -> UInt32? { node[key]?.integer.flatMap { UInt32(exactly: $0) } }
    edits.devices[last].uid = number("uid") ?? edits.devices[last].uid
    edits.devices[last].gid = number("gid") ?? edits.devices[last].gid
    edits.devices[last].fileMode = number("fileMode") ?? edits.devices[last].fileMode
  }

  private func mount(_ json: JSON) throws(BerthError) -> RuntimeSpec.Mount {
    guard let host = json["hostPath"]?.string, let container = json["containerPath"]?.string, host.hasPrefix("/"), container.hasPrefix("/")
    else { throw failure("a mount needs 'hostPath' and 'containerPath'") }
    let options = (json["options"]?.array ?? []).compactMap(\.string)
    return RuntimeSpec.Mount(
      destination: container, type: json["type"]?.string ?? "bind", source: host, options: options.isEmpty ? ["rbind"] : options)
  }

  private func failure(_ cause: String) -> BerthError { DeviceEdits.failure(name, "\(path): \(cause)") }
}
