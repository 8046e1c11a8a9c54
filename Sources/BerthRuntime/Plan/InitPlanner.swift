import BerthCore
import BerthOCI

/// Computes the init plan of a container. Pure: the same spec and facts give the same plan.
public struct InitPlanner {
  let spec: RuntimeSpec
  let process: RuntimeSpec.Process
  let linux: RuntimeSpec.Linux
  let facts: PlanFacts
  var plan = InitPlan()
  /// Whether the process was told to go on while its membership is being verified.
  var awaitsVerdict = false

  /// Throws `.unsupported` naming the field that this runtime doesn't implement, `.invalidArgument` for a spec that contradicts itself.
  public static func plan(_ spec: RuntimeSpec, _ facts: PlanFacts) throws(BerthError) -> InitPlan {
    try SupportedSpec.check(spec, terminal: facts.console != nil, hooks: facts.runsHooks)
    guard let process = spec.process else {
      throw BerthError(.invalidArgument, "plan", "process", cause: "is missing")
    }
    var planner = InitPlanner(spec: spec, process: process, linux: spec.linux ?? RuntimeSpec.Linux(), facts: facts)
    try planner.planAll()
    return planner.plan
  }

  /// 1. the process itself  2. namespaces  3. root and mounts  4. devices, masked and read-only paths  5. names and sysctls
  /// 6. the new root  7. cgroup namespace, once the process is in its cgroup  8. limits, ids, filter, exec.
  /// What doesn't need the cgroup stands before 7, so that it runs while a v1 attach waits in the kernel.
  private mutating func planAll() throws(BerthError) {
    beginProcess()
    try planBirth()
    try planNamespaces()
    try checkNetDevices()
    try checkAffinity()
    _ = try mountLabel(for: "")
    try planRoot()
    try planMounts()
    try planDevices()
    planConsole(attached: true)
    add(.directory(process.cwd, .create), "make working directory \(process.cwd)")
    planHiddenPaths()
    try planNames()
    try planSysctls()
    let hasHooks = facts.runsHooks && !spec.hooks.isEmpty
    if hasHooks {
      // They find the process in its cgroup.
      planMembership(isMade: false)
      add(.synchronise(InitPlan.mounted), "wait for hooks")
    }
    add(.pivot, "pivot root")
    try planRootPropagation()
    if facts.newKeyring { add(.keyring("_berth.\(facts.containerID)"), "join session keyring") }
    if !hasHooks { planMembership(isMade: false, verified: isVerifiedAtGate ? .atGate : verification) }
    try planCgroupView()
    if spec.root?.readonly == true {
      add(.changeMount(.root, set: .readOnly, clear: [], propagation: 0, recursive: false), "make root read-only")
    }
    try planLimits()
    planVerdict()
    if let gate = facts.gate {
      // Whoever creates learns what can be known: a command that isn't there.
      if let candidates = try candidates(), candidates.allSatisfy({ $0.hasPrefix("/") }) {
        add(.find(command: process.args.first ?? "", candidates: candidates), "exec \(process.args.first ?? "")")
      }
      add(.gate(InitPlan.created, listener: gate), "wait for start")
    } else if facts.runsHooks, !spec.hooks.startContainer.isEmpty {
      add(.synchronise(InitPlan.starting), "wait for hooks")
    }
    try planIdentity()
    try planExec()
  }

  /// When the launcher verifies that the process is in its cgroup.
  enum Verification {
    /// At once; the process waits.
    case here
    /// While the process goes on, up to `planVerdict`.
    case meanwhile
    /// Once it is at its gate: no command runs before that is opened.
    case atGate
  }

  private var isVerifiedAtGate: Bool { facts.gate != nil && verification == .meanwhile }

  /// A process that its launcher moves, or hands devices, must wait for it.
  var verification: Verification {
    linux.netDevices.isEmpty && (facts.cgroups == .unified || !facts.cgroupJoins.isEmpty) ? .meanwhile : .here
  }

  /// `isMade`: whether the cgroup is there already.
  mutating func planMembership(isMade: Bool, verified: Verification = .here) {
    // Most often the launcher is done first, and the process needn't sleep.
    if !isMade, !facts.cgroupJoins.isEmpty {
      add(.awaitWord, "wait for cgroup")
      plan.awaitsCgroup = true
    }
    for join in facts.cgroupJoins { add(.joinCgroup(join), "join cgroup \(join.path)") }
    switch verified {
    case .here: add(.synchronise(InitPlan.cgroupAttached), "wait for cgroup")
    case .meanwhile:
      add(.tell(InitPlan.cgroupAttached), "have cgroup verified")
      awaitsVerdict = true
    case .atGate: return
    }
  }

  /// Stands before the command, and before anything else that waits for a word of the launcher's.
  mutating func planVerdict() { if awaitsVerdict { add(.awaitWord, "wait for verified cgroup") } }

  mutating func add(_ what: InitStep, _ purpose: String) { plan.steps.append(InitPlan.Step(what: what, purpose: purpose)) }

  mutating func beginProcess() {
    add(.standardStreams(stdin: facts.stdin, stdout: facts.stdout, stderr: facts.stderr), "set up streams")
    add(.defaultSignals, "reset signals")
    add(.newSession, "begin session")
    add(.guardProcess, "guard process")
    add(.closeOnExec(from: 3 + facts.preserved), "close descriptors")
  }

  mutating func planConsole(attached: Bool) {
    guard process.terminal, let socket = facts.console else { return }
    add(.console(socket: socket, uid: process.user.uid, size: process.consoleSize, attached: attached), "set up terminal")
  }

  func failure(_ code: ErrorCode, _ field: String, _ cause: String) -> BerthError { BerthError(code, "plan", field, cause: cause) }
}
