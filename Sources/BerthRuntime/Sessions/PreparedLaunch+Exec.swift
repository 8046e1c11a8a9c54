import BerthCore
import BerthLinux
import BerthOCI

extension PreparedLaunch {
  /// A further process of the container behind the pidfd `member`, whose number is `pid`. `console`: the socket that takes the other
  /// side of its terminal, where it is to have one.
  init(_ request: ExecRequest, member: Int32, pid: Int32, streams: [Int32], console: Int32?) throws(BerthError) {
    var spec = try Self.readSpec(bundle: request.bundle, id: request.id)
    spec.process = try Self.process(request, spec, try Self.openRoot(member: member, pid: pid, request.id))
    guard let path = spec.linux?.cgroupsPath, let cgroup = Cgroup(path, in: try CgroupLayout.detect()) else {
      throw BerthError(.invalidArgument, "plan", "linux.cgroupsPath", cause: "is no absolute path of a cgroup")
    }
    let open = try Self.open(streams, request.id)
    var facts = PlanFacts(
      containerID: request.id, stdin: open[0], stdout: open[1], stderr: open[2], rootMountPoint: request.bundle)
    let hasUserNamespace = spec.linux?.namespaces.contains { $0.type == .user } ?? false
    if !hasUserNamespace { facts.availableCapabilities = CapabilitySet(rawValue: Namespaces.boundingSet) }
    facts.seccompFilter = try request.seccompFilter.map { (path) throws(BerthError) in try Self.read(path, limit: 4096 * 8, request.id) }
    facts.console = console
    facts.cgroupJoins = try cgroup.joins()
    let kinds = spec.linux?.namespaces.reduce(0) { $0 | $1.type.cloneFlag } ?? 0
    let pidKind = RuntimeSpec.NamespaceKind.pid.cloneFlag
    // For children to come: this process, a launcher, stays where it is.
    if kinds & pidKind != 0 {
      do throws(Errno) { try Namespaces.join(try Descriptors.duplicate(member), kind: pidKind) } catch {
        throw BerthError(.failedPrecondition, "exec in container", request.id, cause: "join pid namespace: \(error)")
      }
    }
    self.init(
      id: request.id, plan: try InitPlanner.planJoin(spec, facts, member: member, namespaces: kinds & ~pidKind), cgroup: cgroup,
      user: spec.process?.user ?? RuntimeSpec.User())
  }

  /// Trust boundary: what is opened in it belongs to the container, and is read through `Rooted` alone.
  private static func openRoot(member: Int32, pid: Int32, _ id: String) throws(BerthError) -> FD {
    do throws(Errno) {
      let root = try Files.open("/proc/\(pid)/root", FileFlags.path | FileFlags.directory)
      // Alive after it was opened: the number was its own.
      try PIDFD.send(0, to: try Descriptors.duplicate(member))
      return root
    } catch { throw BerthError(.failedPrecondition, "exec in container", id, cause: "the container doesn't run (\(error))") }
  }

  private static func process(
    _ request: ExecRequest, _ spec: RuntimeSpec, _ root: borrowing FD
  ) throws(BerthError) -> RuntimeSpec.Process {
    guard var process = spec.process else { throw BerthError(.invalidArgument, "plan", "process", cause: "is missing") }
    process.args = request.arguments
    if let directory = request.workingDirectory { process.cwd = directory }
    for entry in request.environment {
      let name = entry.prefix { $0 != "=" }
      process.env.removeAll { $0.hasPrefix("\(name)=") }
      process.env.append(entry)
    }
    process.terminal = request.terminal != nil
    process.consoleSize = request.terminal.flatMap { $0.rows > 0 ? RuntimeSpec.ConsoleSize(height: $0.rows, width: $0.columns) : nil }
    try UserResolution.apply(user: request.user, root: root, to: &process)
    return process
  }
}
