import BerthCore
import BerthOCI

extension InitPlanner {
  /// The plan of a further process of a container that is there already: `spec.process` is the process, the rest of `spec` the
  /// container's. `namespaces`: CLONE_NEW* of those to join by the pidfd `member`; the launcher is in the pid namespace by then.
  public static func planJoin(
    _ spec: RuntimeSpec, _ facts: PlanFacts, member: Int32, namespaces: UInt64
  ) throws(BerthError) -> InitPlan {
    try SupportedSpec.check(spec, terminal: facts.console != nil, hooks: true)
    guard let process = spec.process else { throw BerthError(.invalidArgument, "plan", "process", cause: "is missing") }
    var planner = InitPlanner(spec: spec, process: process, linux: spec.linux ?? RuntimeSpec.Linux(), facts: facts)
    try planner.planJoin(member, namespaces)
    return planner.plan
  }

  private mutating func planJoin(_ member: Int32, _ namespaces: UInt64) throws(BerthError) {
    beginProcess()
    try planAffinity(process.execCPUAffinity?.initial, "initial")
    // In the cgroup before it is anywhere else: nothing of the container's can make it do work outside.
    planMembership(isMade: true, verified: verification)
    try planAffinity(process.execCPUAffinity?.final, "final")
    // Before the rights for it end with the user namespace.
    if process.oomScoreAdj != nil || process.isLabelled { openProc("mount private proc") }
    try planLimits()
    add(.joinMember(descriptor: member, kinds: namespaces), "join namespaces")
    if namespaces & RuntimeSpec.NamespaceKind.user.cloneFlag != 0 {
      add(.user(uid: 0, gid: 0, groups: []), "become root of the user namespace")
    }
    add(.rootHere, "open root")
    planConsole(attached: false)
    if facts.newKeyring { add(.keyring("_berth.\(facts.containerID)"), "join session keyring") }
    planVerdict()
    try planIdentity()
    try planExec()
  }
}
