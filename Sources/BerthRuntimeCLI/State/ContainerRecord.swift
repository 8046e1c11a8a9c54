import BerthCore
import BerthLinux

/// What is kept of a container between two calls, in ROOT/ID/state.json.
struct ContainerRecord {
  static let version: Int64 = 1

  var id: String
  var ociVersion: String
  var process: ProcessIdentity
  var bundle: String
  var rootfs: String
  var created: Timestamp
  var annotations: [String: String]
  /// From the cgroup mounts' root.
  var cgroup: String
  /// Of its plan.
  var steps: Int
  var command: String
  /// Whether its config.json has hooks: without any, starting and removing it needn't read that again.
  var hasHooks: Bool

  /// Member by member: for a literal of pairs the Swift runtime works out types, in each call of a runtime anew.
  var json: JSON {
    var json = JSONObject()
    json["version"] = .integer(Self.version)
    json["id"] = .string(id)
    json["oci_version"] = .string(ociVersion)
    json["init"] = .object(process.json)
    json["bundle"] = .string(bundle)
    json["rootfs"] = .string(rootfs)
    json["created"] = .string(created.description)
    json["annotations"] = .strings(annotations)
    json["cgroup"] = .string(cgroup)
    json["steps"] = .integer(steps)
    json["command"] = .string(command)
    json["hooks"] = .bool(hasHooks)
    return .object(json)
  }

  /// nil for anything but a record of this version.
  init?(_ json: JSON) {
    guard json["version"]?.integer == Self.version, let process = json["init"].flatMap(ProcessIdentity.init), let id = json["id"]?.string,
      let bundle = json["bundle"]?.string, let rootfs = json["rootfs"]?.string, let cgroup = json["cgroup"]?.string,
      let created = json["created"]?.string.flatMap({ Timestamp($0) })
    else { return nil }
    self.process = process
    self.id = id
    self.bundle = bundle
    self.rootfs = rootfs
    self.cgroup = cgroup
    self.created = created
    ociVersion = json["oci_version"]?.string ?? ""
    annotations = [:]
    for (key, value) in json["annotations"]?.object ?? [:] { annotations[key] = value.string }
    steps = json["steps"]?.integer.flatMap { Int(exactly: $0) } ?? 1
    command = json["command"]?.string ?? ""
    hasHooks = json["hooks"]?.bool ?? true
  }

  init(id: String, ociVersion: String, process: ProcessIdentity, bundle: String, rootfs: String, cgroup: String) {
    self.id = id
    self.ociVersion = ociVersion
    self.process = process
    self.bundle = bundle
    self.rootfs = rootfs
    self.cgroup = cgroup
    created = .now
    annotations = [:]
    steps = 1
    command = ""
    hasHooks = true
  }
}

/// A container's place in its life. Source: runtime.md "State".
enum ContainerStatus: String { case creating, created, running, paused, stopped }
