import BerthCore
import BerthOCI

extension InitPlanner {
  mutating func planRoot() throws(BerthError) {
    _ = try rootPropagation()
    add(.propagation("/", Propagation.private | Propagation.recursive), "detach mounts from the node")
    add(.descriptor(.root, facts.root), "take root file system")
    // Root of a user namespace may not walk to wherever the bundle is, and another mount namespace needn't have it.
    let isElsewhere = facts.idMaps != nil || linux.namespaces.contains { $0.type == .mount && $0.path != nil }
    add(.attachRoot(isElsewhere ? "/" : facts.rootMountPoint), "attach root file system")
    if facts.rootWithoutDevices {
      add(.changeMount(.root, set: .noDevices, clear: [], propagation: 0, recursive: false), "attach root file system")
    }
  }

  private func rootPropagation() throws(BerthError) -> (type: UInt64, recursive: Bool)? {
    guard let word = linux.rootfsPropagation else { return nil }
    guard let asked = Propagation.flags(word) else {
      throw failure(.invalidArgument, "linux.rootfsPropagation", "unknown value \"\(word)\"")
    }
    return asked
  }

  /// Once the old root is gone: no shared mount can be pivoted to.
  mutating func planRootPropagation() throws(BerthError) {
    guard let asked = try rootPropagation(), asked.type != Propagation.private else { return }
    add(
      .changeMount(.root, set: [], clear: [], propagation: asked.type, recursive: asked.recursive),
      "set propagation of the root file system")
  }

  mutating func planMounts() throws(BerthError) {
    let late = try Self.insideCgroups(spec)
    for (at, mount) in spec.mounts.enumerated() where !Self.isCgroup(mount) && late[at] == nil { try plan(mount, at) }
  }

  /// What a plan has room for, and more than anybody has mounts of cgroups: so that looking for one in the other takes no time.
  private static let mountLimits = (all: 16_384, cgroups: 64)

  /// Those that must wait for the mount of cgroups in which they lie, with that one's number: systemd's own hierarchy, which engines bind
  /// there, for one. Throws `.invalidArgument` for more mounts than a container can have.
  static func insideCgroups(_ spec: RuntimeSpec) throws(BerthError) -> [Int: Int] {
    var (groups, folders): ([Int], [String]) = ([], [])
    var inside: [Int: Int] = [:]
    guard spec.mounts.count <= mountLimits.all else {
      throw BerthError(.invalidArgument, "plan", "mounts", cause: "are more than \(mountLimits.all)")
    }
    for (at, mount) in spec.mounts.enumerated() {
      if isCgroup(mount) {
        groups.append(at)
        folders.append("\(mount.destination)/")
      } else if let around = folders.lastIndex(where: { mount.destination.hasPrefix($0) }) {
        inside[at] = groups[around]
      }
    }
    guard groups.count <= mountLimits.cgroups else {
      throw BerthError(.invalidArgument, "plan", "mounts", cause: "have cgroups more than \(mountLimits.cgroups) times")
    }
    return inside
  }

  static func isCgroup(_ mount: RuntimeSpec.Mount) -> Bool { mount.type == "cgroup" || mount.type == "cgroup2" }

  private mutating func plan(_ mount: RuntimeSpec.Mount, _ at: Int) throws(BerthError) {
    let field = "mounts[\(at)]"
    let options = try MountOptions(mount.options, field)
    let destination = try clean(mount.destination, field)
    let purpose = "mount \(destination)"
    if options.isBind || mount.type == "bind" {
      guard let source = mount.source, source.hasPrefix("/") else {
        throw failure(.invalidArgument, "\(field).source", "is no absolute path")
      }
      let below = facts.subPaths[mount.destination] ?? ""
      let from = "\(purpose) from \(source)\(below.isEmpty ? "" : "/\(below)")"
      if let made = facts.sources[at] {
        add(.descriptor(.mount, made), from)
      } else {
        add(.copyTree(source, below: below, recursive: options.isRecursiveBind), from)
      }
      // A copy shares its source's peers: what the container mounts must not come back.
      change(options, propagation: options.propagation ?? (Propagation.private, true), purpose)
    } else if let made = facts.sources[at] {
      add(.descriptor(.mount, made), purpose)
      change(options, propagation: options.propagation ?? (Propagation.private, true), purpose)
    } else {
      guard let type = mount.type, !type.isEmpty else { throw failure(.invalidArgument, "\(field).type", "is missing") }
      addContext(type, mount.source, options, purpose)
      if let label = try mountLabel(for: type) { add(.setParameter("context", label), "\(purpose): mountLabel") }
      let attributes = options.set.union(options.recursiveSet)
      add(.makeMount(.mount, options.copiesUp ? attributes.subtracting(.readOnly) : attributes), purpose)
      if let propagation = options.propagation {
        add(.changeMount(.mount, set: [], clear: [], propagation: propagation.type, recursive: false), purpose)
      }
    }
    add(.mountTarget(destination, try resolution(destination, mount, field)), purpose)
    if options.copiesUp {
      guard mount.type == "tmpfs" else { throw failure(.invalidArgument, field, "only a tmpfs can be filled by tmpcopyup") }
      let keeps = { (keys: String...) in options.parameters.contains { keys.contains($0.key) } }
      add(.copyUp(keepsMode: keeps("mode"), keepsOwner: keeps("uid", "gid")), "\(purpose): option tmpcopyup")
      // Once it is filled.
      let isReadOnly = options.set.union(options.recursiveSet).contains(.readOnly)
      if isReadOnly { add(.changeMount(.mount, set: .readOnly, clear: [], propagation: 0, recursive: false), purpose) }
    }
    add(.attach, purpose)
  }

  private mutating func addContext(_ type: String, _ source: String?, _ options: MountOptions, _ purpose: String) {
    add(.openContext(type), purpose)
    if let source, !source.isEmpty { add(.setParameter("source", source), purpose) }
    for option in options.parameters {
      let what: InitStep = option.value.map { .setParameter(option.key, $0) } ?? .setFlag(option.key)
      add(what, "\(purpose): option \(option.key)")
    }
  }

  private mutating func change(_ options: MountOptions, propagation: (type: UInt64, recursive: Bool), _ purpose: String) {
    let onTop = propagation.recursive ? 0 : propagation.type
    if propagation.recursive || !options.recursiveSet.isEmpty || !options.recursiveClear.isEmpty {
      add(
        .changeMount(
          .mount, set: options.recursiveSet, clear: options.recursiveClear, propagation: propagation.recursive ? propagation.type : 0,
          recursive: true), purpose)
    }
    if onTop != 0 { add(.changeMount(.mount, set: [], clear: [], propagation: onTop, recursive: false), purpose) }
    guard !options.set.isEmpty || !options.clear.isEmpty else { return }
    add(.changeMount(.mount, set: options.set, clear: options.clear, propagation: 0, recursive: false), purpose)
  }

  /// Absolute, without empty, `.` and `..` components.
  private func clean(_ destination: String, _ field: String) throws(BerthError) -> String {
    guard destination.hasPrefix("/") else { throw failure(.invalidArgument, "\(field).destination", "is not an absolute path") }
    if isClean(destination) { return destination }
    var parts: [Substring] = []
    for part in destination.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    guard !parts.isEmpty else { throw failure(.invalidArgument, "\(field).destination", "is the root") }
    return "/" + parts.joined(separator: "/")
  }

  /// Whether a path that begins with `/` has nothing to be cleaned, as most have: each component begins with something other than `.`.
  private func isClean(_ path: String) -> Bool {
    var isStart = false
    for byte in path.utf8 {
      if isStart, byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") { return false }
      isStart = byte == UInt8(ascii: "/")
    }
    return !isStart
  }

  /// Files of proc that containers get replaced, by lxcfs for one. Everything else in proc stays the kernel's.
  private static func isReplaceable(_ path: String) -> Bool {
    switch path {
    case "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
      "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled":
      true
    default: false
    }
  }

  private func resolution(_ destination: String, _ mount: RuntimeSpec.Mount, _ field: String) throws(BerthError) -> ResolveFlags {
    switch destination {
    case "/proc":
      // What reads as /proc must be proc: a bind of the node's own is the only other thing let through.
      guard mount.type == "proc" || mount.source == "/proc" else {
        throw failure(.invalidArgument, "\(field).destination", "only proc may be mounted on /proc")
      }
      return [.create, .noSymlinks]
    case "/sys": return [.create, .noSymlinks]
    case _ where Self.isReplaceable(destination): return .noSymlinks
    case _ where destination.hasPrefix("/proc/"):
      throw failure(.invalidArgument, "\(field).destination", "is inside /proc")
    default: return [.create, .noProc]
    }
  }

  /// The cgroup file systems: each has its root where this process is attached by then.
  mutating func planCgroupView() throws(BerthError) {
    if linux.namespaces.contains(where: { $0.type == .cgroup && $0.path == nil }) { add(.unshare(.cgroup), "make cgroup namespace") }
    let isBorrowed = !isPrivate(.cgroup) && facts.cgroupNamespace != nil && spec.mounts.contains(where: Self.isCgroup)
    // A file system's root is where its maker is attached, whatever namespace looks at it later.
    if isBorrowed { add(.unshare(.cgroup), "make cgroup namespace for mounts") }
    let late = try Self.insideCgroups(spec)
    for (at, mount) in spec.mounts.enumerated() where Self.isCgroup(mount) {
      let field = "mounts[\(at)]"
      guard isPrivate(.cgroup) || isBorrowed else {
        throw failure(.unsupported, field, "a cgroup mount without a cgroup namespace would show the node's")
      }
      let options = try MountOptions(mount.options, field)
      let destination = try clean(mount.destination, field)
      switch facts.cgroups {
      case .unified: addCgroup("cgroup2", [], at: destination, options)
      case .hierarchies(let groups): planHierarchies(groups, at: destination, options)
      }
      for inner in spec.mounts.indices where late[inner] == at { try plan(spec.mounts[inner], inner) }
      if case .hierarchies = facts.cgroups, options.set.contains(.readOnly) {
        // Last: mount points were made in it.
        add(.directory(destination, .noProc), "mount \(destination)")
        add(.changeMount(.target, set: .readOnly, clear: [], propagation: 0, recursive: false), "mount \(destination)")
      }
    }
    // From inside a user namespace there is no way back: the container keeps the view that its mounts have.
    if isBorrowed, facts.idMaps == nil, let own = facts.cgroupNamespace {
      add(.joinNamespace(.cgroup, descriptor: own), "return to cgroup namespace")
    }
  }

  private mutating func planHierarchies(_ groups: [[String]], at destination: String, _ options: MountOptions) {
    let purpose = "mount \(destination)"
    add(.openContext("tmpfs"), purpose)
    add(.setParameter("mode", "755"), purpose)
    add(.makeMount(.mount, options.set.subtracting(.readOnly)), purpose)
    add(.mountTarget(destination, [.create, .noProc]), purpose)
    add(.attach, purpose)
    for controllers in groups {
      // The library's joining is generic code that works out its types first.
      let name = controllers.dropFirst().reduce(controllers.first ?? "") { "\($0),\($1)" }
      addCgroup("cgroup", controllers, at: "\(destination)/\(name)", options)
      if controllers.count > 1 { for controller in controllers { add(.link("\(destination)/\(controller)", to: name), purpose) } }
    }
  }

  private mutating func addCgroup(_ type: String, _ controllers: [String], at destination: String, _ options: MountOptions) {
    let purpose = "mount \(destination)"
    add(.openContext(type), purpose)
    for controller in controllers { add(.setFlag(controller), purpose) }
    add(.makeMount(.mount, options.set), purpose)
    add(.mountTarget(destination, [.create, .noProc]), purpose)
    add(.attach, purpose)
  }
}
