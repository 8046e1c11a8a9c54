import BerthCore
import BerthOCI

extension InitPlanner {
  /// RLIMIT_* as setrlimit(2) numbers them on x86 and ARM.
  static let rlimits = [
    "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
  ]

  mutating func planLimits() throws(BerthError) {
    if let score = process.oomScoreAdj {
      guard (-1000...1000).contains(score) else { throw failure(.invalidArgument, "process.oomScoreAdj", "is not between -1000 and 1000") }
      // Nobody inside a user namespace may lower it.
      if facts.idMaps == nil { add(.oomScore(score), "set oom_score_adj \(score)") }
    }
    var seen: UInt32 = 0
    for (at, limit) in process.rlimits.enumerated() {
      guard let resource = Self.rlimits.firstIndex(of: limit.type) else {
        throw failure(.invalidArgument, "process.rlimits[\(at)].type", "unknown limit \"\(limit.type)\"")
      }
      guard seen & 1 << resource == 0 else {
        throw failure(.invalidArgument, "process.rlimits[\(at)].type", "a second \(limit.type)")
      }
      seen |= 1 << resource
      add(.rlimit(Int32(resource), soft: limit.soft, hard: limit.hard), "set \(limit.type)")
    }
    try planScheduling()
    try planLabels()
  }

  mutating func planIdentity() throws(BerthError) {
    let asked = process.capabilities ?? RuntimeSpec.Capabilities()
    let bounding = available(asked.bounding, "bounding")
    let effective = available(asked.effective, "effective")
    let permitted = available(asked.permitted, "permitted")
    let inheritable = available(asked.inheritable, "inheritable")
    // The kernel would say no more than that one of all these isn't permitted, and not before the start.
    try require(effective, "effective", within: permitted, "permitted")
    try require(inheritable, "inheritable", within: bounding, "bounding")
    let askedAmbient = available(asked.ambient, "ambient")
    // The kernel takes no others, and engines ask for them all the same.
    let ambient = askedAmbient.intersection(permitted).intersection(inheritable)
    if ambient != askedAmbient {
      plan.warnings.append("ambient capabilities without those that are not both permitted and inheritable")
    }
    let user = process.user
    if facts.idMaps == nil { add(.ownStreams(uid: user.uid), "give streams to the user") }
    // As root where that is permitted; a directory that only the user may enter waits until they are one.
    add(.changeDirectory(process.cwd, mayWait: true), "change to \(process.cwd)")
    add(.boundingSet(bounding), "limit capabilities")
    // Without no_new_privs only a privileged process may load a filter; with it, the later the fewer calls the filter must allow.
    if !process.noNewPrivileges { try planSeccomp() }
    add(.user(uid: user.uid, gid: user.gid, groups: user.additionalGids), "become user \(user.uid):\(user.gid)")
    add(.capabilities(effective: effective, permitted: permitted, inheritable: inheritable), "set capabilities")
    add(.ambientSet(ambient), "set ambient capabilities")
    add(.changeDirectory(process.cwd, mayWait: false), "change to \(process.cwd)")
    add(.umask(user.umask ?? 0o022), "set umask")
    if process.noNewPrivileges { add(.noNewPrivileges, "set no_new_privs") }
    // The last that needs any other call than execve.
    add(.announce, "announce exec")
    if let program = facts.initProgram {
      add(.split(program: program, only: facts.runsInitOnly, terminal: process.terminal), "become init")
    }
    if process.noNewPrivileges { try planSeccomp() }
  }

  private func require(_ set: CapabilitySet, _ name: String, within other: CapabilitySet, _ otherName: String) throws(BerthError) {
    let more = set.subtracting(other)
    guard !more.isEmpty else { return }
    let cause = "\(more.members.joined(separator: ", ")) isn't in process.capabilities.\(otherName)"
    throw failure(.invalidArgument, "process.capabilities.\(name)", cause)
  }

  /// What can't be had isn't asked of the kernel, which would refuse all of it. Source: config.md "Linux Process", `capabilities`.
  private mutating func available(_ names: [String], _ set: String) -> CapabilitySet {
    var unknown: [String] = []
    let asked = CapabilitySet(names, unknown: &unknown)
    if !unknown.isEmpty {
      plan.warnings.append("\(set) capabilities without \(unknown.joined(separator: ", ")): there are none of that name")
    }
    let missing = asked.subtracting(facts.availableCapabilities)
    if !missing.isEmpty {
      plan.warnings.append("\(set) capabilities without \(missing.members.joined(separator: ", ")): the node's own processes lack them")
    }
    return asked.intersection(facts.availableCapabilities)
  }

  /// Where the command may be, in the order to try.
  func candidates() throws(BerthError) -> [String]? {
    guard let command = process.args.first, !command.isEmpty else { throw failure(.invalidArgument, "process.args", "names no command") }
    // As for the program itself, the last of two settings counts.
    let path = process.env.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    // A relative entry would make the command depend on the directory, which the image fills.
    var candidates = path.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(command)" }
    if command.contains("/") { candidates = [command] }
    return candidates.isEmpty ? nil : candidates
  }

  mutating func planExec() throws(BerthError) {
    let command = process.args.first ?? ""
    guard let candidates = try candidates() else {
      throw BerthError(.notFound, "exec", command, cause: "PATH has no absolute directory")
    }
    add(.execute(candidates: candidates, arguments: process.args, environment: process.env), "exec \(command)")
  }
}
