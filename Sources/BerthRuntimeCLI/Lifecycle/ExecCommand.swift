import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `exec`: a further process of a container.
enum ExecCommand {
  private static let grammar = Grammar(
    flags: ["tty t", "detach d", "no-new-privs", "ignore-paused", "no-subreaper"],
    values: [
      "console-socket", "cwd", "env e", "user u", "additional-gids g", "process p", "pid-file", "process-label", "apparmor", "cap c",
      "preserve-fds", "cgroup",
    ], mixes: false)

  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, grammar, command: "exec")
    let id = try call.id(words, "exec", arguments: 1...Int.max)
    let container = try call.store.container(id)
    try container.needs(words.has("ignore-paused") ? [.created, .running, .paused] : [.created, .running], to: "exec into container")
    var spec = try container.folder.spec()
    var process = try ProcessOptions.process(words, container: spec)
    completeHome(&process, container)
    spec.process = process
    let streams = StreamOptions(
      consoleSocket: words.value("console-socket"), preserved: try Streams.preserved(words), detaches: words.has("detach"))
    if !streams.detaches { ForegroundProcess.blockSignals() }
    var terminalSocket: FD?
    let pid = try launch(spec, container, streams, groups: words.values("cgroup"), call, &terminalSocket)
    if let file = words.value("pid-file") {
      do throws(BerthError) { try Streams.writePid(pid, to: file) } catch {
        // This program's child: the number is nobody else's before it is waited for.
        Children.kill(pid)
        _ = try? Children.wait(for: pid)
        throw error
      }
    }
    return streams.detaches ? 0 : try Streams.wait(for: pid, terminalFrom: terminalSocket, id: id)
  }

  /// From the container's own root, as it is now.
  private static func completeHome(_ process: inout RuntimeSpec.Process, _ container: Container) {
    guard let root = try? Files.open("/proc/\(container.record.process.pid)/root", FileFlags.path | FileFlags.directory) else { return }
    UserResolution.completeHome(&process, root: root)
  }

  private static func launch(
    _ spec: RuntimeSpec, _ container: Container, _ streams: StreamOptions, groups: [String], _ call: Invocation, _ terminalSocket: inout FD?
  ) throws(BerthError) -> Int32 {
    let member = try container.openProcess()
    var facts = PlanFacts(containerID: container.id, rootMountPoint: container.record.rootfs)
    (facts.stdin, facts.stdout, facts.stderr) = try Streams.duplicate()
    let hasUserNamespace = spec.linux?.namespaces.contains { $0.type == .user } ?? false
    if !hasUserNamespace { facts.availableCapabilities = CapabilitySet(rawValue: Namespaces.boundingSet) }
    facts.seccompFilter = try FilterCache.filter(spec.linux?.seccomp, root: call.store.root)
    facts.securityModules = SecurityModules.detect(for: spec)
    facts.seccompListener = try SeccompListening.connect(spec, state: container.state(container.status))
    facts.preserved = streams.preserved
    // Processes of one container share its keyring.
    facts.newKeyring = false
    facts.console = try streams.console(terminal: spec.process?.terminal ?? false, ours: &terminalSocket)
    let pidKind = RuntimeSpec.NamespaceKind.pid.cloneFlag
    let kinds = spec.joinableKinds
    guard let own = container.cgroup else { throw BerthError(.unavailable, "exec", container.id, cause: "this machine has no cgroups") }
    let cgroup = try ExecGroups(own, groups)
    facts.cgroupJoins = try cgroup.joins()
    let plan = try InitPlanner.planJoin(spec, facts, member: member.raw, namespaces: kinds & ~pidKind)
    for warning in plan.warnings { call.log.warn(warning) }
    let directory = try cgroup.openForClone()
    let process = try cloned(plan, container.id, directory, kinds & pidKind == 0 ? nil : member.raw)
    let pid = process.pid
    let outcome = try process.follow { (point) throws(BerthError) in
      if point == InitPlan.cgroupAttached { try cgroup.verify(pid) }
    }
    if case .executing(let warnings) = outcome {
      for warning in warnings { call.log.warn(warning) }
    }
    return process.pid
  }

  private static func cloned(
    _ plan: InitPlan, _ id: String, _ directory: borrowing FD?, _ member: Int32?
  ) throws(BerthError) -> DirectLaunch {
    let namespace = try PidNamespace(member)
    let process = try DirectLaunch(plan, id: id, cgroup: directory)
    _ = consume namespace
    return process
  }
}
