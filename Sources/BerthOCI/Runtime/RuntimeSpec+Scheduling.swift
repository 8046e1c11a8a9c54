import BerthCore

/// How a process is scheduled and where its memory comes from. Source: config.md "Linux Process", config-linux.md "Memory policy",
/// "Personality".
extension RuntimeSpec {
  /// As sched_setattr(2) takes it.
  public struct Scheduler: Sendable, Hashable {
    /// `SCHED_OTHER`, …
    public var policy: String
    public var nice: Int32 = 0
    public var priority: Int32 = 0
    /// `SCHED_FLAG_RESET_ON_FORK`, …
    public var flags: [String] = []
    /// Nanoseconds, of SCHED_DEADLINE.
    public var runtime: UInt64 = 0
    public var deadline: UInt64 = 0
    public var period: UInt64 = 0
    public init(policy: String) { self.policy = policy }
  }

  /// As ioprio_set(2) takes it: `IOPRIO_CLASS_BE` and 0 (highest) to 7.
  public struct IOPriority: Sendable, Hashable {
    public var ioClass: String
    public var priority: Int32
    public init(_ ioClass: String, priority: Int32 = 0) {
      self.ioClass = ioClass
      self.priority = priority
    }
  }

  /// CPUs, as `0-3,7`, of a further process of a container: before and after it is moved to the container's cgroup.
  public struct ExecCPUAffinity: Sendable, Hashable {
    public var initial: String?
    public var final: String?
    public init(initial: String? = nil, final: String? = nil) {
      self.initial = initial
      self.final = final
    }
  }

  /// As personality(2) takes it: `LINUX` or `LINUX32`.
  public struct Personality: Sendable, Hashable {
    public var domain: String
    /// The specification defines none yet.
    public var flags: [String] = []
    public init(_ domain: String) { self.domain = domain }
  }

  /// As set_mempolicy(2) takes it.
  public struct MemoryPolicy: Sendable, Hashable {
    /// `MPOL_BIND`, …
    public var mode: String
    /// NUMA nodes, as `0-3,7`.
    public var nodes: String?
    /// `MPOL_F_STATIC_NODES`, …
    public var flags: [String] = []
    public init(_ mode: String, nodes: String? = nil) {
      self.mode = mode
      self.nodes = nodes
    }
  }
}

extension RuntimeSpec.Process {
  mutating func readScheduling(_ reader: SpecReader) throws(BerthError) {
    scheduler = try reader.child("scheduler").map { (reader) throws(BerthError) in try RuntimeSpec.Scheduler(reader) }
    ioPriority = try reader.child("ioPriority").map { (reader) throws(BerthError) in
      RuntimeSpec.IOPriority(try reader.required("class"), priority: try reader.number("priority") ?? 0)
    }
    execCPUAffinity = try reader.child("execCPUAffinity").map { (reader) throws(BerthError) in
      RuntimeSpec.ExecCPUAffinity(initial: try reader.string("initial"), final: try reader.string("final"))
    }
  }

  func putScheduling(_ out: inout SpecWriter) {
    out.put("scheduler", scheduler?.writer())
    if let ioPriority {
      out.put(
        "ioPriority",
        .build {
          $0.put("class", ioPriority.ioClass)
          $0.put("priority", ioPriority.priority)
        })
    }
    guard let execCPUAffinity else { return }
    out.put(
      "execCPUAffinity",
      .build {
        $0.put("initial", execCPUAffinity.initial)
        $0.put("final", execCPUAffinity.final)
      })
  }
}

extension RuntimeSpec.Scheduler {
  init(_ reader: SpecReader) throws(BerthError) {
    policy = try reader.required("policy")
    nice = try reader.number("nice") ?? 0
    priority = try reader.number("priority") ?? 0
    flags = try reader.strings("flags")
    runtime = try reader.number("runtime") ?? 0
    deadline = try reader.number("deadline") ?? 0
    period = try reader.number("period") ?? 0
  }

  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("policy", policy)
      $0.put("nice", nice)
      $0.put("priority", priority)
      $0.put("flags", flags)
      $0.put("runtime", runtime)
      $0.put("deadline", deadline)
      $0.put("period", period)
    }
  }
}

extension RuntimeSpec.Linux {
  mutating func readScheduling(_ reader: SpecReader) throws(BerthError) {
    personality = try reader.child("personality").map { (reader) throws(BerthError) in
      var personality = RuntimeSpec.Personality(try reader.required("domain"))
      personality.flags = try reader.strings("flags")
      return personality
    }
    memoryPolicy = try reader.child("memoryPolicy").map { (reader) throws(BerthError) in
      var policy = RuntimeSpec.MemoryPolicy(try reader.required("mode"), nodes: try reader.string("nodes"))
      policy.flags = try reader.strings("flags")
      return policy
    }
  }

  func putScheduling(_ out: inout SpecWriter) {
    if let personality {
      out.put(
        "personality",
        .build {
          $0.put("domain", personality.domain)
          $0.put("flags", personality.flags)
        })
    }
    guard let memoryPolicy else { return }
    out.put(
      "memoryPolicy",
      .build {
        $0.put("mode", memoryPolicy.mode)
        $0.put("nodes", memoryPolicy.nodes)
        $0.put("flags", memoryPolicy.flags)
      })
  }
}
