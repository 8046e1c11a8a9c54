import BerthCore
import BerthOCI

/// What the kernel's schedulers and allocator are told of a process. Numbers as in include/uapi/linux of the kernel, equal on x86 and ARM.
extension InitPlanner {
  private static let policies: [String: UInt32] = [
    "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5, "SCHED_DEADLINE": 6,
  ]
  private static let policyFlags: [String: UInt64] = [
    "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04, "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20, "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
  ]
  private static let ioClasses: [String: UInt64] = ["IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3]
  private static let domains: [String: UInt64] = ["LINUX": 0, "LINUX32": 8]
  private static let memoryModes: [String: UInt64] = [
    "MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3, "MPOL_LOCAL": 4, "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
  ]
  private static let memoryFlags: [String: UInt64] = [
    "MPOL_F_NUMA_BALANCING": 1 << 13, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_STATIC_NODES": 1 << 15,
  ]

  /// While the process still has the rights that some of it takes.
  mutating func planScheduling() throws(BerthError) {
    if let scheduler = process.scheduler { try plan(scheduler) }
    if let priority = process.ioPriority {
      let ioClass = try known(priority.ioClass, Self.ioClasses, "process.ioPriority.class")
      guard (0...7).contains(priority.priority) else {
        throw failure(.invalidArgument, "process.ioPriority.priority", "is not between 0 and 7")
      }
      add(.ioPriority(ioClass << 13 | UInt64(priority.priority)), "set I/O priority")
    }
    if let policy = linux.memoryPolicy { try plan(policy) }
    guard let personality = linux.personality else { return }
    if let flag = personality.flags.first { throw failure(.invalidArgument, "linux.personality.flags", "unknown flag \"\(flag)\"") }
    add(.personality(try known(personality.domain, Self.domains, "linux.personality.domain")), "set personality")
  }

  private mutating func plan(_ scheduler: RuntimeSpec.Scheduler) throws(BerthError) {
    let field = "process.scheduler"
    var attributes = SchedulerAttributes(policy: try known(scheduler.policy, Self.policies, "\(field).policy"))
    for flag in scheduler.flags { attributes.flags |= try known(flag, Self.policyFlags, "\(field).flags") }
    guard (-20...19).contains(scheduler.nice) else { throw failure(.invalidArgument, "\(field).nice", "is not between -20 and 19") }
    guard (0...99).contains(scheduler.priority) else { throw failure(.invalidArgument, "\(field).priority", "is not between 0 and 99") }
    attributes.nice = scheduler.nice
    attributes.priority = UInt32(scheduler.priority)
    attributes.runtime = scheduler.runtime
    attributes.deadline = scheduler.deadline
    attributes.period = scheduler.period
    add(.scheduler(attributes), "set scheduler \(scheduler.policy)")
  }

  private mutating func plan(_ policy: RuntimeSpec.MemoryPolicy) throws(BerthError) {
    let field = "linux.memoryPolicy"
    var mode = try known(policy.mode, Self.memoryModes, "\(field).mode")
    for flag in policy.flags { mode |= try known(flag, Self.memoryFlags, "\(field).flags") }
    guard let nodes = NumberList.mask(policy.nodes ?? "") else {
      throw failure(.invalidArgument, "\(field).nodes", "is no list of numbers such as 0-3,7")
    }
    add(.memoryPolicy(mode, nodes: nodes), "set memory policy \(policy.mode)")
  }

  /// `when`: `initial` or `final`.
  mutating func planAffinity(_ cpus: String?, _ when: String) throws(BerthError) {
    guard let mask = try affinity(cpus, when) else { return }
    add(.affinity(mask), "set \(when) CPU affinity \(cpus ?? "")")
  }

  /// Of the processes to come: what can't be is told when the container is made.
  func checkAffinity() throws(BerthError) {
    _ = try affinity(process.execCPUAffinity?.initial, "initial")
    _ = try affinity(process.execCPUAffinity?.final, "final")
  }

  private func affinity(_ cpus: String?, _ when: String) throws(BerthError) -> [UInt8]? {
    guard let cpus, !cpus.isEmpty else { return nil }
    guard let mask = NumberList.mask(cpus), !mask.isEmpty else {
      throw failure(.invalidArgument, "process.execCPUAffinity.\(when)", "is no list of CPUs such as 0-3,7")
    }
    return mask
  }

  private func known<Value>(_ name: String, _ values: [String: Value], _ field: String) throws(BerthError) -> Value {
    guard let value = values[name] else { throw failure(.invalidArgument, field, "unknown value \"\(name)\"") }
    return value
  }
}

/// The kernel's struct sched_attr. Source: sched_setattr(2).
public struct SchedulerAttributes: Sendable, Hashable {
  public var policy: UInt32
  public var flags: UInt64 = 0
  public var nice: Int32 = 0
  public var priority: UInt32 = 0
  public var runtime: UInt64 = 0
  public var deadline: UInt64 = 0
  public var period: UInt64 = 0

  init(policy: UInt32) { self.policy = policy }

  /// Its first version, of 48 bytes.
  var bytes: [UInt8] {
    let halves = { (low: UInt32, high: UInt32) in UInt64(low) | UInt64(high) << 32 }
    let words = [halves(48, policy), flags, halves(UInt32(bitPattern: nice), priority), runtime, deadline, period]
    return words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
  }
}

/// Lists of CPUs and NUMA nodes as the kernel writes them: `0-3,7`.
enum NumberList {
  /// More than any kernel is built for.
  private static let limit = 8192

  /// One bit a number, in whole 64-bit words; nil for what is no such list. Blanks around numbers are let through.
  static func mask(_ text: String) -> [UInt8]? {
    var words: [UInt64] = []
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0.filter { $0 != " " }) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], (0...last).contains(first), last < limit
      else { return nil }
      while words.count <= last / 64 { words.append(0) }
      for number in first...last { words[number / 64] |= 1 << UInt64(number % 64) }
    }
    return words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
  }
}
