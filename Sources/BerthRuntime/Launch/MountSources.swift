import BerthCore
import BerthLinux
import BerthOCI

/// Mounts that the launcher must make, because the container's own process has no right to or stands in the wrong place: binds under a
/// user namespace, idmapped ones, those that mounts propagate from or to, and the /dev of a container that can't make device nodes.
public struct MountSources {
  private let spec: RuntimeSpec
  private let linux: RuntimeSpec.Linux
  private let subPaths: [String: String]
  private let bundle: String
  private let maps: IDMaps?
  /// Of the container, where it is there already.
  private let namespace: Int32?
  private let nodeMounts: Int32?
  /// Those that are mounted after cgroups are: by then the node's files are out of sight.
  private let late: [Int: Int]
  private var made: [IDMaps: Int32] = [:]
  /// Whether a mount whose file system can't show other ids is taken as it is, with a warning.
  private let isLenient: Bool
  public private(set) var warnings: [String] = []

  /// Fills `facts.idMaps` and `facts.sources` with descriptors that live as long as this process. `facts.namespaces` are open by then.
  /// Returns warnings.
  public static func open(_ spec: RuntimeSpec, _ facts: inout PlanFacts, isLenient: Bool = false) throws(BerthError) -> [String] {
    facts.idMaps = try idMaps(spec, facts.namespaces)
    let late = try InitPlanner.insideCgroups(spec)
    guard facts.idMaps != nil || spec.mounts.contains(where: isSpecial) || !late.isEmpty else { return [] }
    var sources = MountSources(spec, facts, late, isLenient)
    for at in spec.mounts.indices { facts.sources[at] = try sources.source(at) }
    return sources.warnings
  }

  private init(_ spec: RuntimeSpec, _ facts: PlanFacts, _ late: [Int: Int], _ isLenient: Bool) {
    self.spec = spec
    self.late = late
    self.isLenient = isLenient
    linux = spec.linux ?? RuntimeSpec.Linux()
    subPaths = facts.subPaths
    bundle = facts.rootMountPoint
    nodeMounts = facts.nodeMounts
    maps = facts.idMaps
    namespace = facts.namespaces[.user]
  }

  /// Whether the container's process can't make it even as the node's root.
  private static func isSpecial(_ mount: RuntimeSpec.Mount) -> Bool {
    !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty || mount.options.contains(where: isSpecial)
  }

  private static func isSpecial(_ option: String) -> Bool {
    switch option {
    case "idmap", "ridmap", "shared", "rshared", "slave", "rslave": true
    default: false
    }
  }

  private mutating func source(_ at: Int) throws(BerthError) -> Int32? {
    let mount = spec.mounts[at]
    let field = "mounts[\(at)]"
    let options = try MountOptions(mount.options, field)
    if options.isBind || mount.type == "bind" {
      return maps != nil || late[at] != nil || Self.isSpecial(mount) ? try bind(mount, options, field) : nil
    }
    if mount.type == "overlay", options.idMapping != nil { return try stack(mount, options, field) }
    guard mount.uidMappings.isEmpty, mount.gidMappings.isEmpty, options.idMapping == nil else {
      throw Self.failure(field, "only a bind mount can show other ids")
    }
    guard maps != nil, mount.destination == "/dev" || mount.destination == "/dev/", mount.type == "tmpfs" else { return nil }
    return try devices(options, at)
  }

  private mutating func bind(_ mount: RuntimeSpec.Mount, _ options: MountOptions, _ field: String) throws(BerthError) -> Int32? {
    guard let path = mount.source, path.hasPrefix("/") else { return nil }
    let below = subPaths[mount.destination] ?? ""
    let tree: FD
    let outside = try sharedWith(mount, path, options)
    do throws(Errno) {
      let copy = { () throws(Errno) in try OpenTree.copy(path, below: below, recursive: options.isRecursiveBind) }
      if let outside { tree = try MountNamespace.within(outside, copy) } else { tree = try copy() }
    } catch {
      throw BerthError(
        .failedPrecondition, "mount \(mount.destination)", "\(path)\(below.isEmpty ? "" : "/\(below)")", cause: error.description)
    }
    if let idMapping = try mapping(mount, options, field) { try map(tree, idMapping, options, mount) }
    return tree.release()
  }

  /// The node's mount namespace, for a mount that is to send back what is mounted in it: a copy of the own namespace's would only receive.
  private func sharedWith(_ mount: RuntimeSpec.Mount, _ path: String, _ options: MountOptions) throws(BerthError) -> Int32? {
    guard let nodeMounts, let type = options.propagation?.type, type == Propagation.shared else { return nil }
    // What is mounted here alone has nothing to do with the node.
    if path.hasPrefix("\(Files.parent(of: bundle))/") { return nil }
    do throws(Errno) {
      if try MountNamespace.follows(path) { return nodeMounts }
    } catch { throw BerthError(.failedPrecondition, "mount \(mount.destination)", path, cause: error.description) }
    throw BerthError(
      .failedPrecondition, "mount \(mount.destination)", path,
      cause: "what is mounted inside can't reach the node: it lies on no shared mount (mount --make-rshared)")
  }

  /// The user namespace whose ids the mount is to show.
  private mutating func mapping(_ mount: RuntimeSpec.Mount, _ options: MountOptions, _ field: String) throws(BerthError) -> Int32? {
    if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
      try Self.check(mount.uidMappings, "\(field).uidMappings", needsRoot: false)
      try Self.check(mount.gidMappings, "\(field).gidMappings", needsRoot: false)
      return try userNamespace(IDMaps(uids: mount.uidMappings, gids: mount.gidMappings), field)
    }
    guard options.idMapping != nil else { return nil }
    guard let maps else { throw Self.failure(field, "idmap without mappings needs a user namespace to take them from") }
    if let namespace { return namespace }
    return try userNamespace(maps, field)
  }

  private mutating func userNamespace(_ maps: IDMaps, _ field: String) throws(BerthError) -> Int32 {
    if let open = made[maps] { return open }
    do throws(Errno) {
      let open = try UserNamespaces.make(uidMap: IDMaps.text(maps.uids), gidMap: IDMaps.text(maps.gids)).release()
      made[maps] = open
      return open
    } catch { throw BerthError(.failedPrecondition, "map ids", field, cause: error.description) }
  }

  private mutating func map(
    _ tree: borrowing FD, _ namespace: Int32, _ options: MountOptions, _ mount: RuntimeSpec.Mount
  ) throws(BerthError) {
    do throws(Errno) { try DetachedMount.map(tree, by: namespace, recursive: options.idMapping == .recursive) } catch {
      let cause = error == .invalid ? "its file system can't show other ids (idmapped mounts)" : error.description
      guard isLenient else {
        throw BerthError(.failedPrecondition, "map ids of mount \(mount.destination)", mount.source ?? "", cause: cause)
      }
      warnings.append("mount \(mount.destination): \(cause): its files keep the node's owners, which the pod sees as nobody")
    }
  }

  /// Layers for reading alone, with other ids: `lowerdir+` of each.
  private mutating func stack(_ mount: RuntimeSpec.Mount, _ options: MountOptions, _ field: String) throws(BerthError) -> Int32? {
    guard let ids = try mapping(mount, options, field) else { return nil }
    let lower = options.parameters.filter { $0.key == "lowerdir+" }.compactMap(\.value)
    guard !lower.isEmpty, lower.count == options.parameters.count, options.set.contains(.readOnly) else {
      throw Self.failure(field, "an overlay can show other ids where it is read-only and made of lowerdir+ alone")
    }
    let layers: DetachedMount.OverlayLayers
    do throws(DetachedMount.PathError) { layers = try DetachedMount.OverlayLayers(lower: lower, writable: nil, map: ids) } catch {
      throw BerthError(.failedPrecondition, "map ids of mount \(mount.destination)", error.path, cause: error.error.description)
    }
    do throws(Errno) { return try DetachedMount.overlay(layers).release() } catch {
      guard error == .invalid || error == .notSupported else {
        throw BerthError(.failedPrecondition, "mount \(mount.destination)", "overlay", cause: error.description)
      }
    }
    // An older kernel: by options.
    do throws(Errno) {
      return try DetachedMount.overlayByOptions(lower: lower, writable: nil, map: ids, at: bundle).release()
    } catch { throw BerthError(.failedPrecondition, "mount \(mount.destination)", "overlay", cause: error.description) }
  }

  /// A /dev with all its nodes: the process inside may make none.
  private func devices(_ options: MountOptions, _ at: Int) throws(BerthError) -> Int32 {
    guard let maps, let root = (maps.hostUID(0).flatMap { uid in maps.hostGID(0).map { (uid: uid, gid: $0) } }) else {
      throw Self.failure("linux.uidMappings", "maps no id 0")
    }
    var nodes: [(path: String, node: NodeSpec)] = []
    for device in InitPlanner.devices(linux) {
      var node = try InitPlanner.node(device)
      guard let uid = maps.hostUID(node.uid), let gid = maps.hostGID(node.gid) else {
        throw Self.failure("linux.devices", "\(device.path): its owner \(node.uid):\(node.gid) is not mapped")
      }
      (node.uid, node.gid) = (uid, gid)
      nodes.append((String(device.path.dropFirst("/dev/".count)), node))
    }
    do throws(Errno) {
      let tree = try DetachedMount.make(
        "tmpfs", [("source", spec.mounts[at].source ?? "tmpfs")] + options.parameters.map { ($0.key, $0.value) },
        attributes: UInt32(truncatingIfNeeded: options.set.rawValue))
      try Files.changeOwner(tree, uid: root.uid, gid: root.gid)
      for (path, node) in nodes {
        try Files.makeNode(
          at: tree, path, mode: node.mode, device: node.number, uid: node.uid, gid: node.gid, directories: root)
      }
      return tree.release()
    } catch { throw BerthError(.failedPrecondition, "make devices", "mounts[\(at)]", cause: error.description) }
  }
}
