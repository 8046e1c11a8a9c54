import BerthCore
import BerthOCI

extension InitPlanner {
  /// Those of every container. Source: config-linux.md "Default Devices".
  private static let defaultDevices: [RuntimeSpec.Device] = [
    .init("/dev/null", .character, major: 1, minor: 3), .init("/dev/zero", .character, major: 1, minor: 5),
    .init("/dev/full", .character, major: 1, minor: 7), .init("/dev/random", .character, major: 1, minor: 8),
    .init("/dev/urandom", .character, major: 1, minor: 9), .init("/dev/tty", .character, major: 5, minor: 0),
  ]

  private static let links = [
    ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"), ("/dev/ptmx", "pts/ptmx"),
  ]

  /// Nodes are made only in a /dev that the spec has mounted for this container: never in the image's, never in the node's.
  mutating func planDevices() throws(BerthError) {
    let own = spec.mounts.last { $0.destination == "/dev" || $0.destination == "/dev/" }
    let hasOwnDev = own.map { $0.type != "bind" && !$0.options.contains("bind") && !$0.options.contains("rbind") } ?? false
    guard hasOwnDev else {
      if let device = linux.devices.first {
        throw failure(.invalidArgument, "linux.devices", "\(device.path) needs a /dev of the container's own among the mounts")
      }
      return
    }
    // Where this process may make none, they are there already.
    if facts.idMaps == nil {
      for (path, node) in try Self.nodes(linux) { add(.node(path, node), "make device \(path)") }
    }
    for (path, target) in Self.links { add(.link(path, to: target), "make \(path)") }
  }

  /// All that a /dev is to hold: the spec's, and of the standard ones those that it doesn't name.
  static func nodes(_ linux: RuntimeSpec.Linux) throws(BerthError) -> [(path: String, node: NodeSpec)] {
    let named = Set(linux.devices.map(\.path))
    var nodes: [(path: String, node: NodeSpec)] = []
    for device in defaultDevices.filter({ !named.contains($0.path) }) + linux.devices { nodes.append((device.path, try node(device))) }
    return nodes
  }

  private static func node(_ device: RuntimeSpec.Device) throws(BerthError) -> NodeSpec {
    let parts = device.path.split(separator: "/", omittingEmptySubsequences: false)
    guard device.path.hasPrefix("/dev/"), parts.dropFirst().allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw BerthError(.unsupported, "plan", "linux.devices", cause: "\(device.path) is not below /dev")
    }
    let kind: UInt32 =
      switch device.type {
      case .character, .unbufferedCharacter: 0o020000
      case .block: 0o060000
      case .fifo: 0o010000
      }
    return NodeSpec(
      mode: kind | ((device.fileMode ?? 0o666) & 0o7777), major: device.major, minor: device.minor, uid: device.uid ?? 0,
      gid: device.gid ?? 0)
  }

  mutating func planHiddenPaths() {
    if !linux.maskedPaths.isEmpty {
      add(.nullDevice("/dev/null"), "verify the null device")
      add(.openContext("tmpfs"), "mount the empty directory")
      add(.setParameter("mode", "555"), "mount the empty directory")
      add(.setParameter("size", "0"), "mount the empty directory")
      add(.setParameter("nr_inodes", "1"), "mount the empty directory")
      add(.makeMount(.empty, [.readOnly, .noSetUID, .noDevices, .noExec]), "mount the empty directory")
    }
    for path in linux.maskedPaths { add(.mask(path), "mask \(path)") }
    for path in linux.readonlyPaths { add(.readOnly(path), "make \(path) read-only") }
  }
}
