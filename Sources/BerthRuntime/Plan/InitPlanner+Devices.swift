import BerthCore
import BerthOCI

extension InitPlanner {
  /// Those of every container. Source: config-linux.md "Default Devices".
  private static let defaultDevices: [RuntimeSpec.Device] = [
    .init("/dev/null", .character, major: 1, minor: 3), .init("/dev/zero", .character, major: 1, minor: 5),
    .init("/dev/full", .character, major: 1, minor: 7), .init("/dev/random", .character, major: 1, minor: 8),
    .init("/dev/urandom", .character, major: 1, minor: 9), .init("/dev/tty", .character, major: 5, minor: 0),
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
      for device in Self.devices(linux) { add(.node(device.path, try Self.node(device)), "make device \(device.path)") }
    }
    link("/dev/fd", to: "/proc/self/fd")
    link("/dev/stdin", to: "/proc/self/fd/0")
    link("/dev/stdout", to: "/proc/self/fd/1")
    link("/dev/stderr", to: "/proc/self/fd/2")
    link("/dev/ptmx", to: "pts/ptmx")
  }

  private mutating func link(_ path: String, to target: String) { add(.link(path, to: target), "make \(path)") }

  /// All that a /dev is to hold: the spec's, and of the standard ones those that it doesn't name.
  static func devices(_ linux: RuntimeSpec.Linux) -> [RuntimeSpec.Device] {
    guard !linux.devices.isEmpty else { return defaultDevices }
    return defaultDevices.filter { standard in !linux.devices.contains { $0.path == standard.path } } + linux.devices
  }

  static func node(_ device: RuntimeSpec.Device) throws(BerthError) -> NodeSpec {
    var rest = Array(device.path.utf8)[...]
    var isBelow = device.path.hasPrefix("/dev/") && device.path.utf8.last != UInt8(ascii: "/")
    _ = rest.popField(UInt8(ascii: "/"))
    while let part = rest.popField(UInt8(ascii: "/")) {
      if part.isEmpty || part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { isBelow = false }
    }
    guard isBelow else {
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
