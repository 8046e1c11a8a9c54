import BerthCore
import BerthLinux
import BerthOCI

/// A launch with all that must be known before the clone: read, resolved, opened and planned. Its descriptors live as long as the
/// launcher's process.
struct PreparedLaunch {
  let id: String
  let plan: InitPlan
  let cgroup: Cgroup
  /// Of the cgroup that is to be made; nil: it is there, with processes of others in it.
  let resources: RuntimeSpec.Resources?
  let user: RuntimeSpec.User
  let warnings: [String]

  /// In a cgroup that is there already.
  init(id: String, plan: InitPlan, cgroup: Cgroup, user: RuntimeSpec.User) {
    self.id = id
    self.plan = plan
    self.cgroup = cgroup
    self.user = user
    resources = nil
    warnings = []
  }

  /// `console`: the socket that takes the other side of the process's terminal, where it is to have one. `nodeMounts` as in `PlanFacts`.
  init(_ request: LaunchRequest, _ streams: [Int32], console: Int32? = nil, nodeMounts: Int32? = nil) throws(BerthError) {
    id = request.id
    var spec = try Self.readSpec(bundle: request.bundle, id: request.id)
    try SupportedSpec.check(spec, terminal: console != nil)
    let namespaces = try Self.openNamespaces(spec, id)
    let maps = try MountSources.idMaps(spec, namespaces)
    let root = try RootfsAssembly(bundle: request.bundle, maps: maps, users: namespaces[.user]).mount(request.rootfs)
    try UserResolution.apply(request, root: root, to: &spec)
    user = spec.process?.user ?? RuntimeSpec.User()
    let streams = try Self.open(streams, id)
    guard let path = spec.linux?.cgroupsPath, let cgroup = Cgroup(path, in: try CgroupLayout.detect()) else {
      throw BerthError(.invalidArgument, "plan", "linux.cgroupsPath", cause: "is no absolute path of a cgroup")
    }
    self.cgroup = cgroup
    var resources = spec.linux?.resources ?? RuntimeSpec.Resources()
    resources.devices = ContainerDefaults.complete(resources.devices)
    self.resources = resources
    var facts = PlanFacts(
      containerID: id, stdin: streams[0], stdout: streams[1], stderr: streams[2], root: root.release(),
      rootMountPoint: request.bundle)
    facts.console = console
    facts.nodeMounts = nodeMounts
    facts.namespaces = namespaces
    if request.initProcess != .command {
      do throws(Errno) { facts.initProgram = try InitProgram.open(nodeMounts: nodeMounts).release() } catch {
        throw BerthError(.failedPrecondition, "launch", id, cause: "open init program: \(error)")
      }
      facts.runsInitOnly = request.initProcess == .reaperOnly
    }
    facts.subPaths = request.subPaths
    try SubPathMaker.make(request, spec)
    warnings = try MountSources.open(spec, &facts, isLenient: true)
    if let maps = facts.idMaps { try Self.give(streams, to: user, maps, id) }
    facts.sandboxNamespaces = request.sandboxNamespaces
    facts.rootWithoutDevices = request.rootfsWithoutDevices
    facts.securityModules = SecurityModules.detect(for: spec)
    if facts.idMaps == nil { facts.availableCapabilities = CapabilitySet(rawValue: Namespaces.boundingSet) }
    facts.cgroups = cgroup.layout.version == .v2 ? .unified : .hierarchies(cgroup.layout.hierarchies.map(\.controllers))
    // A process in a user namespace is not root where the group's files are opened: its maker moves it.
    if spec.linux?.namespaces.contains(where: { $0.type == .user }) != true { facts.cgroupJoins = try cgroup.joins() }
    facts.seccompFilter = try request.seccompFilter.map { (path) throws(BerthError) in try Self.read(path, limit: 4096 * 8, request.id) }
    plan = try InitPlanner.plan(spec, facts)
  }

  static func readSpec(bundle: String, id: String) throws(BerthError) -> RuntimeSpec {
    guard bundle.hasPrefix("/") else {
      throw BerthError(.invalidArgument, "launch", id, cause: "the bundle's path is not absolute")
    }
    return try RuntimeSpec(parsing: try read("\(bundle)/config.json", limit: 4 << 20, id))
  }

  static func read(_ path: String, limit: Int, _ id: String) throws(BerthError) -> [UInt8] {
    do throws(Errno) { return try Files.read(path, limit: limit) } catch {
      throw BerthError(.failedPrecondition, "launch", id, cause: "read \(path): \(error)")
    }
  }

  /// Copies above 2, so that no stream is overwritten before it is copied into place.
  static func open(_ streams: [Int32], _ id: String) throws(BerthError) -> [Int32] {
    var copies: [Int32] = []
    for stream in streams {
      do throws(Errno) {
        copies.append(stream >= 0 ? try Descriptors.duplicate(stream).release() : try Files.openNull().release())
      } catch { throw BerthError(.invalidArgument, "launch", id, cause: "stream \(stream): \(error)") }
    }
    return copies
  }

  /// From inside its user namespace a process can't take what is the node's.
  private static func give(_ streams: [Int32], to user: RuntimeSpec.User, _ maps: IDMaps, _ id: String) throws(BerthError) {
    guard let uid = maps.hostUID(user.uid), user.additionalGids.allSatisfy({ maps.hostGID($0) != nil }), maps.hostGID(user.gid) != nil
    else {
      throw BerthError(.invalidArgument, "launch", id, cause: "user \(user.uid):\(user.gid) is not mapped in the user namespace")
    }
    do throws(Errno) { try Descriptors.giveFIFOs(streams, to: uid) } catch { throw error.wrapped("give streams", id) }
  }

  private static func openNamespaces(_ spec: RuntimeSpec, _ id: String) throws(BerthError) -> [RuntimeSpec.NamespaceKind: Int32] {
    var open: [RuntimeSpec.NamespaceKind: Int32] = [:]
    for namespace in spec.linux?.namespaces ?? [] {
      guard let path = namespace.path else { continue }
      do throws(Errno) {
        let file = try Files.openReadOnly(path)
        // For children to come: this process stays where it is.
        if namespace.type == .pid, !spec.isBornElsewhere { try Namespaces.join(file, kind: namespace.type.cloneFlag) }
        open[namespace.type] = file.release()
      } catch { throw BerthError(.failedPrecondition, "launch", id, cause: "open namespace \(path): \(error)") }
    }
    return open
  }
}
