import BerthCore
import BerthLinux
import BerthManifest
import BerthOCI

/// What a container's devices add to its runtime spec.
struct DeviceEdits: Hashable, Sendable {
  var devices: [RuntimeSpec.Device] = []
  var rules: [RuntimeSpec.DeviceRule] = []
  /// `NAME=value`.
  var env: [String] = []
  var mounts: [RuntimeSpec.Mount] = []
  var groups: [UInt32] = []

  /// Looks at the node's devices as they are now. `.failedPrecondition` for what isn't there.
  init(_ specs: [DeviceSpec], cdi: CDIRegistry = CDIRegistry()) throws(BerthError) {
    for spec in specs {
      switch spec {
      case .node(let host, let container, let permissions): try add(host, as: container, permissions)
      case .cdi(let name): try cdi.apply(name, to: &self)
      }
    }
  }

  init() {}

  /// A device, or all below a directory. Source: docs.docker.com "docker run --device".
  mutating func add(_ host: String, as container: String, _ permissions: String, depth: Int = 0) throws(BerthError) {
    let status: FileStatus
    do throws(Errno) { status = try Files.status(host) } catch { throw Self.failure(host, "\(error)") }
    switch status.kind {
    case .characterDevice: add(status, .character, .character, as: container, permissions)
    case .blockDevice: add(status, .block, .block, as: container, permissions)
    case .directory where depth < 8:
      let names: [String]
      do throws(Errno) { names = try Files.list(host) } catch { throw Self.failure(host, "\(error)") }
      for name in names.sorted() {
        guard let kind = (try? Files.linkStatus("\(host)/\(name)"))?.kind, kind != .symlink, kind != .regular, kind != .socket else {
          continue
        }
        try add("\(host)/\(name)", as: "\(container)/\(name)", permissions, depth: depth + 1)
      }
    default: throw Self.failure(host, "it is no device")
    }
  }

  private mutating func add(
    _ status: FileStatus, _ type: RuntimeSpec.DeviceType, _ rule: RuntimeSpec.DeviceRuleType, as container: String, _ permissions: String
  ) {
    let (major, minor) = DeviceNumber.split(status.rdev)
    var device = RuntimeSpec.Device(container, type, major: major, minor: minor, fileMode: status.permissions)
    (device.uid, device.gid) = (status.uid, status.gid)
    devices.removeAll { $0.path == container }
    devices.append(device)
    rules.append(RuntimeSpec.DeviceRule(allow: true, rule, major: major, minor: minor, access: permissions))
  }

  static func failure(_ subject: String, _ cause: String) -> BerthError {
    BerthError(.failedPrecondition, "find device", subject, cause: cause)
  }
}

/// Source: gnu_dev_makedev(3).
enum DeviceNumber {
  static func split(_ device: UInt64) -> (major: UInt32, minor: UInt32) {
    let major = UInt32(truncatingIfNeeded: (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000)
    let minor = UInt32(truncatingIfNeeded: device & 0xFF | (device >> 12) & 0xFFFF_FF00)
    return (major, minor)
  }
}
