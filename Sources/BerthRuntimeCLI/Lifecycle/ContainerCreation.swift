import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// Makes one container of a bundle: its cgroup, its first process, its folder.
struct ContainerCreation: ~Copyable {
  private let options: CreateOptions
  private let bundle: Bundle
  private let folder: ContainerFolder
  private let call: Invocation
  private var cgroup: Cgroup?
  private var record: ContainerRecord?
  private var terminalSocket: FD?

  init(_ options: CreateOptions, _ bundle: Bundle, _ folder: ContainerFolder, _ call: Invocation) {
    self.options = options
    self.bundle = bundle
    self.folder = folder
    self.call = call
  }

  /// After a failure nothing stays behind; nobody else takes the folder for a container before that.
  mutating func create() throws(BerthError) {
    let lock: DirectoryLock
    do throws(BerthError) { lock = try folder.lock() } catch {
      folder.removeIfEmpty()
      throw error
    }
    // The folder that this call made was removed meanwhile, and somebody else has the id: nothing here is this call's to undo.
    guard folder.isNew else { throw ContainerStore.taken(options.id) }
    do throws(BerthError) { try create(lock.directory) } catch {
      undo()
      throw error
    }
  }

  private mutating func create(_ directory: borrowing FD) throws(BerthError) {
    var spec = bundle.spec
    let cgroup = try Bundle.cgroup(spec, id: options.id)
    try cgroup.requireUnused()
    let root = try bundle.openRoot()
    if var process = spec.process {
      UserResolution.completeHome(&process, root: root)
      spec.process = process
    }
    // The code that read config.json is not needed again: without this, it would be part of a create's peak of memory.
    if options.waitsForStart { ProcessControl.forgetProgram() }
    var facts = PlanFacts(containerID: options.id, root: root.raw, rootMountPoint: bundle.rootfs)
    try gather(&facts, cgroup, directory)
    let plan = try InitPlanner.plan(spec, facts)
    for warning in plan.warnings { call.log.warn(warning) }
    do throws(Errno) { try Files.writeNew(bundle.config, to: "\(folder.path)/config.json") } catch {
      throw BerthError(.unavailable, "write state", options.id, cause: error.description)
    }
    self.cgroup = cgroup
    try launch(plan, facts, cgroup)
  }

  /// What the plan must know: open descriptors that live as long as this process, and the machine's facts.
  private mutating func gather(_ facts: inout PlanFacts, _ cgroup: Cgroup, _ directory: borrowing FD) throws(BerthError) {
    let spec = bundle.spec
    (facts.stdin, facts.stdout, facts.stderr) = try Streams.duplicate()
    facts.namespaces = try Bundle.openNamespaces(spec, id: options.id)
    // A runtime runs any bundle: devices in its root are the bundle's affair, the devices controller still decides.
    facts.rootWithoutDevices = false
    for warning in try MountSources.open(spec, &facts) { call.log.warn(warning) }
    if facts.idMaps == nil { facts.availableCapabilities = CapabilitySet(rawValue: Namespaces.boundingSet) }
    facts.cgroups = cgroup.layout.version == .v2 ? .unified : .hierarchies(cgroup.layout.hierarchies.map(\.controllers))
    facts.cgroupNamespace = (try? Files.openReadOnly("/proc/self/ns/cgroup"))?.release()
    // A process in a user namespace is not root where the group's files are opened: this one moves it.
    if spec.linux?.namespaces.contains(where: { $0.type == .user }) != true { facts.cgroupJoins = try cgroup.joins() }
    facts.seccompFilter = try FilterCache.filter(spec.linux?.seccomp, root: call.store.root)
    facts.securityModules = SecurityModules.detect(for: spec)
    facts.seccompListener = try SeccompListening.connect(spec, state: stateBeforePid)
    facts.runsHooks = true
    facts.preserved = options.streams.preserved
    facts.newKeyring = options.newKeyring
    facts.console = try options.streams.console(terminal: spec.process?.terminal ?? false, ours: &terminalSocket)
    if options.waitsForStart {
      do throws(Errno) { facts.gate = try MeetingPoint.listen(in: directory, ContainerFolder.gate).release() } catch {
        throw BerthError(.unavailable, "create container", options.id, cause: "meeting point: \(error)")
      }
    }
  }

  private var stateBeforePid: JSONObject {
    var state: JSONObject = [
      "ociVersion": .string(bundle.spec.ociVersion), "id": .string(options.id), "status": "creating", "bundle": .string(bundle.path),
    ]
    if !bundle.spec.annotations.isEmpty { state["annotations"] = .strings(bundle.spec.annotations) }
    return state
  }

  private mutating func launch(_ plan: InitPlan, _ facts: PlanFacts, _ cgroup: Cgroup) throws(BerthError) {
    let isV2 = cgroup.layout.version == .v2
    let resources = Bundle.resources(bundle.spec)
    if isV2 { try cgroup.create(resources) }
    let process = try cloned(plan, facts, cgroup)
    // So is the planner, and the process mounts meanwhile.
    if options.waitsForStart { ProcessControl.forgetProgram() }
    do throws(BerthError) {
      // On v1 the process mounts meanwhile.
      if !isV2 {
        try cgroup.create(resources)
        if !plan.joinsCgroup { try cgroup.attach(process.pid) }
        process.cgroupIsMade()
      }
    } catch {
      // Where the process has told why it is gone, that says more.
      Children.kill(process.pid)
      do throws(BerthError) { _ = try process.follow { _ throws(BerthError) in } } catch let said {
        throw said.code == .unavailable ? error : said
      }
      throw error
    }
    var record = ContainerRecord(
      id: options.id, ociVersion: bundle.spec.ociVersion, process: ProcessIdentity(pid: process.pid, startTicks: process.startTimeTicks),
      bundle: bundle.path, rootfs: bundle.rootfs, cgroup: cgroup.path)
    record.annotations = bundle.spec.annotations
    record.steps = plan.steps.count
    record.hasHooks = !bundle.spec.hooks.isEmpty
    record.command = bundle.spec.process?.args.first ?? ""
    try follow(process, record, cgroup)
  }

  private func cloned(_ plan: InitPlan, _ facts: PlanFacts, _ cgroup: Cgroup) throws(BerthError) -> DirectLaunch {
    // Joining takes effect for children alone; this process's hooks are to run where it is itself.
    let namespace = try PidNamespace(bundle.spec.isBornElsewhere ? nil : facts.namespaces[.pid])
    let process = try DirectLaunch(plan, id: options.id, cgroup: try cgroup.openForClone())
    _ = consume namespace
    return process
  }

  private mutating func follow(_ process: borrowing DirectLaunch, _ record: ContainerRecord, _ cgroup: Cgroup) throws(BerthError) {
    let container = Container(folder: folder, record: record)
    let (hooks, kinds, devices) = (bundle.spec.hooks, bundle.spec.joinableKinds, bundle.spec.linux?.netDevices ?? [:])
    let (member, pid) = (process.pidfd.raw, process.pid)
    // While the process mounts.
    let state: StagedFile
    do throws(BerthError) { state = try folder.stage(record) } catch { throw process.end(error) }
    var isVerified = false
    let outcome = try process.follow { (point) throws(BerthError) in
      switch point {
      case InitPlan.cgroupAttached:
        try cgroup.verify(pid)
        isVerified = true
        try Self.handOver(devices, to: record.process)
      case InitPlan.mounted:
        let state = container.state(.creating)
        try Hooks.run(hooks.prestart, "prestart", state: state)
        try Hooks.run(hooks.createRuntime, "createRuntime", state: state)
        try Hooks.run(hooks.createContainer, "createContainer", state: state, in: .container(member, kinds: kinds))
      case InitPlan.starting:
        try Hooks.run(
          hooks.startContainer, "startContainer", state: container.state(.created), in: .container(member, kinds: kinds))
      default: return
      }
    }
    if !isVerified { do throws(BerthError) { try cgroup.verify(pid) } catch { throw process.end(error) } }
    self.record = record
    switch outcome {
    case .created(let warnings), .executing(let warnings): for warning in warnings { call.log.warn(warning) }
    }
    do throws(Errno) { try state.commit() } catch { throw BerthError(.unavailable, "write state", options.id, cause: error.description) }
    if let pidFile = options.pidFile { try Streams.writePid(process.pid, to: pidFile) }
    guard !options.waitsForStart else { return }
    warnUnless { () throws(BerthError) in try Hooks.run(hooks.poststart, "poststart", state: container.state(.running)) }
  }

  /// Interfaces of this process's network, to that of the container. What was moved before a failure goes the way of all interfaces whose
  /// network ends: hardware comes back to the node.
  private static func handOver(_ devices: [String: String], to process: ProcessIdentity) throws(BerthError) {
    guard !devices.isEmpty else { return }
    for (device, name) in devices.sorted(by: { $0.key < $1.key }) {
      do throws(Errno) { try NetworkDevices.move(device, as: name, to: try NetworkNamespace(of: process)) } catch {
        throw BerthError(.failedPrecondition, "move network device", "linux.netDevices.\(device)", cause: error.description)
      }
    }
  }

  /// A hook after the start can't undo it. Source: runtime.md "Lifecycle".
  private func warnUnless(_ body: () throws(BerthError) -> Void) {
    do throws(BerthError) { try body() } catch { call.log.warn(error.description) }
  }

  private func undo() {
    if let record {
      // Its command may run already, and have children that outlive it.
      Children.kill(record.process.pid)
      _ = try? Children.wait(for: record.process.pid)
      if let cgroup, (try? cgroup.processes())?.isEmpty == false { try? cgroup.killAll() }
      try? cgroup?.remove()
    } else if let cgroup, (try? cgroup.processes())?.isEmpty != false {
      try? cgroup.remove()
    }
    try? folder.remove()
  }

  /// Until the container's end; its exit code, 128 and a signal's number after one.
  borrowing func waitInForeground() throws(BerthError) -> Int32 {
    guard let record else { throw BerthError(.bug, "wait", options.id, cause: "was not created") }
    return try Streams.wait(for: record.process.pid, terminalFrom: terminalSocket, id: options.id)
  }
}

extension RuntimeSpec {
  /// CLONE_NEW* of what a container of this spec has of its own or shares with others, but for its pid namespace.
  var joinableKinds: UInt64 {
    (linux?.namespaces ?? []).reduce(0) { $0 | $1.type.cloneFlag }
  }
}
