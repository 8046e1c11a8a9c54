import BerthCore
import BerthOCI

/// A profile before capabilities, architecture and kernel have picked its rules: what Docker's JSON format says.
public struct SeccompProfile: Sendable, Hashable {
  public var defaultAction: String
  public var defaultErrno: UInt32?
  public var flags: [String] = []
  public var rules: [Rule]

  public init(defaultAction: String = "SCMP_ACT_ERRNO", defaultErrno: UInt32? = 1, rules: [Rule] = []) {
    self.defaultAction = defaultAction
    self.defaultErrno = defaultErrno
    self.rules = rules
  }

  /// A rule and when it counts.
  public struct Rule: Sendable, Hashable {
    public var rule: LinuxSeccomp.Rule
    public var includes = Condition()
    public var excludes = Condition()
    public init(_ rule: LinuxSeccomp.Rule, includes: Condition = Condition(), excludes: Condition = Condition()) {
      self.rule = rule
      self.includes = includes
      self.excludes = excludes
    }
  }

  /// Empty members say nothing.
  public struct Condition: Sendable, Hashable {
    /// All of them (includes), any of them (excludes).
    public var capabilities: [String] = []
    /// Any of them, as Go spells architectures: `amd64`.
    public var architectures: [String] = []
    public var minimumKernel: KernelVersion?
    public init(capabilities: [String] = [], architectures: [String] = [], minimumKernel: KernelVersion? = nil) {
      self.capabilities = capabilities
      self.architectures = architectures
      self.minimumKernel = minimumKernel
    }
  }

  /// The rules that hold for a container with these capabilities (its bounding set, `CAP_…`) on a node with this kernel.
  public func resolved(
    capabilities: [String], kernel: KernelVersion, architecture: SeccompCompiler.Architecture = .native
  ) -> LinuxSeccomp {
    var profile = LinuxSeccomp(defaultAction: defaultAction, defaultErrno: defaultErrno)
    profile.architectures = [architecture.ociName]
    profile.flags = flags
    let held = Set(capabilities)
    for rule in rules {
      let (wanted, unwanted) = (rule.includes, rule.excludes)
      guard wanted.capabilities.allSatisfy(held.contains), !unwanted.capabilities.contains(where: held.contains) else { continue }
      guard wanted.architectures.isEmpty || wanted.architectures.contains(architecture.goName) else { continue }
      guard !unwanted.architectures.contains(architecture.goName) else { continue }
      if let minimum = wanted.minimumKernel, kernel < minimum { continue }
      if let minimum = unwanted.minimumKernel, kernel >= minimum { continue }
      profile.syscalls.append(rule.rule)
    }
    return profile
  }
}

extension SeccompProfile {
  /// As the other, with the kernel's numbers as a pair.
  public func resolved(
    capabilities: [String], kernel: (major: Int, minor: Int), architecture: SeccompCompiler.Architecture = .native
  ) -> LinuxSeccomp {
    resolved(capabilities: capabilities, kernel: KernelVersion(major: kernel.major, minor: kernel.minor), architecture: architecture)
  }
}

/// `6.1` of a kernel's release.
public struct KernelVersion: Sendable, Hashable, Comparable {
  public var major: Int
  public var minor: Int
  public init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// From `6.1`, `6.1.0-18-amd64` and the like; nil for anything else.
  public init?(_ release: String) {
    let numbers = release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map {
      $0.prefix { $0.isASCII && $0.isNumber }
    }
    guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return nil }
    self.init(major: major, minor: minor)
  }

  public static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}
