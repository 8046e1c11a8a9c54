import BerthCore
import BerthLinux

/// How this machine's cgroup hierarchies are mounted.
public struct CgroupLayout: Sendable, Hashable {
  public enum Version: Sendable, Hashable { case v1, v2 }

  /// One hierarchy: where it is mounted, and with which controllers (v2: none named).
  public struct Hierarchy: Sendable, Hashable {
    public var mountPoint: String
    public var controllers: [String]
    public init(mountPoint: String, controllers: [String]) {
      self.mountPoint = mountPoint
      self.controllers = controllers
    }
  }

  public var version: Version
  /// In the order of their mounting; of v2, one.
  public var hierarchies: [Hierarchy]

  public init(version: Version, hierarchies: [Hierarchy]) {
    self.version = version
    self.hierarchies = hierarchies
  }

  /// v1 controllers that confine or measure a container. Named hierarchies (systemd's) stay as they are.
  /// A list: a set's first use has the Swift runtime look for what its elements conform to, which takes longer than all of `parse`.
  private static let known = [
    "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "perf_event", "net_cls", "net_prio", "rdma",
    "misc",
  ]

  /// From /proc/self/mountinfo. v2 only where its tree has the controllers; the hybrid form is v1.
  public static func detect() throws(BerthError) -> CgroupLayout {
    do throws(Errno) {
      guard let layout = parse(try Files.read("/proc/self/mountinfo")) else { throw Errno.notFound }
      return layout
    } catch {
      throw BerthError(
        .failedPrecondition, "detect cgroups", "/proc/self/mountinfo",
        cause: error == .notFound ? "no cgroup hierarchy is mounted" : error.description)
    }
  }

  /// nil: no hierarchy with controllers is mounted.
  static func parse(_ mountinfo: [UInt8]) -> CgroupLayout? {
    var hierarchies: [Hierarchy] = []
    var unified: String?
    for mount in mounts(mountinfo) {
      if mount.version == .v2 {
        unified = unified ?? mount.mountPoint
        continue
      }
      let controllers = mount.options.filter(known.contains)
      let taken = hierarchies.contains { other in other.controllers.contains { controllers.contains($0) } }
      if !controllers.isEmpty, !taken { hierarchies.append(Hierarchy(mountPoint: mount.mountPoint, controllers: controllers)) }
    }
    if !hierarchies.isEmpty { return CgroupLayout(version: .v1, hierarchies: hierarchies) }
    return unified.map { CgroupLayout(version: .v2, hierarchies: [Hierarchy(mountPoint: $0, controllers: [])]) }
  }

  /// A line of mountinfo that is a hierarchy's.
  struct Mount: Hashable {
    var version: Version
    var mountPoint: String
    /// Which group of the hierarchy is seen there.
    var root: String
    /// Of the file system: controllers and `name=…` among them.
    var options: [String]
  }

  /// Byte by byte, without lists of lines and fields: a node may have thousands of mounts, and every launch reads this.
  static func mounts(_ mountinfo: [UInt8]) -> [Mount] {
    var mounts: [Mount] = []
    var lines = mountinfo[...]
    while let line = lines.popField(10) {
      if let mount = mount(line) { mounts.append(mount) }
    }
    return mounts
  }

  private static let mark = Array(" - cgroup".utf8)

  /// nil for a line of another file system. `NUMBER PARENT DEVICE ROOT PLACE OPTIONS … - TYPE SOURCE OPTIONS`.
  private static func mount(_ line: ArraySlice<UInt8>) -> Mount? {
    var matched = 0
    var at = line.startIndex
    while at < line.endIndex, matched < mark.count {
      if line[at] == mark[matched] { matched += 1 } else { matched = line[at] == mark[0] ? 1 : 0 }
      at += 1
    }
    guard matched == mark.count else { return nil }
    let isUnified = line[at...].first == UInt8(ascii: "2")
    if isUnified { at += 1 }
    guard line[at...].first == 32, let root = field(3, of: line[..<at]), let place = field(4, of: line[..<at]),
      let options = field(2, of: line[at...])
    else { return nil }
    var mount = Mount(version: isUnified ? .v2 : .v1, mountPoint: unescaped(place), root: unescaped(root), options: [])
    var names = options
    while let name = names.popField(UInt8(ascii: ",")) {
      if !name.isEmpty { mount.options.append(String(decoding: name, as: UTF8.self)) }
    }
    return mount
  }

  /// What stands between the blank of that number and the next; nil where there are fewer or nothing.
  private static func field(_ number: Int, of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var rest = text
    for _ in 0..<number { _ = rest.popField(32) }
    guard let field = rest.popField(32), !field.isEmpty else { return nil }
    return field
  }

  /// mountinfo writes blanks and backslashes as `\` and three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
    guard field.contains(92) else { return String(decoding: field, as: UTF8.self) }
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == 92, digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The v1 hierarchy of a controller; of v2, the one there is.
  func hierarchy(_ controller: String) -> Hierarchy? {
    version == .v2 ? hierarchies.first : hierarchies.first { $0.controllers.contains(controller) }
  }
}
