import BerthCore
import BerthLinux
import Glibc

/// What Berth could leave behind on a machine, counted by name: take one census before and one after, and everything new is a leak.
/// It looks at the whole machine, so tests that use it run alone (`scripts/test` gives them namespaces of their own).
public struct LeakCensus: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case mount, cgroup, process, networkNamespace, link, firewallRule, file, descriptor
  }

  public struct Finding: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var kind: Kind
    public var name: String
    public init(_ kind: Kind, _ name: String) {
      self.kind = kind
      self.name = name
    }
    public var description: String { "\(kind.rawValue) \(name)" }
    public static func < (a: Finding, b: Finding) -> Bool { (a.kind.rawValue, a.name) < (b.kind.rawValue, b.name) }
  }

  public private(set) var findings: Set<Finding>

  /// Counts now. `directories` are the daemon's root and state, whose files count; `descriptorsOf` is a running daemon's pid.
  public static func take(directories: [String] = [], descriptorsOf daemon: pid_t? = nil) throws -> LeakCensus {
    var findings: Set<Finding> = []
    findings.formUnion(try mounts().map { Finding(.mount, $0) })
    findings.formUnion(try cgroups().map { Finding(.cgroup, $0) })
    findings.formUnion(try processes().map { Finding(.process, $0) })
    findings.formUnion(try networkNamespaces().map { Finding(.networkNamespace, $0) })
    findings.formUnion(try Files.list("/sys/class/net").map { Finding(.link, $0) })
    findings.formUnion(try firewallRules().map { Finding(.firewallRule, $0) })
    for directory in directories { findings.formUnion(try files(below: directory).map { Finding(.file, $0) }) }
    if let daemon { findings.formUnion(try descriptors(of: daemon).map { Finding(.descriptor, $0) }) }
    return LeakCensus(findings: findings)
  }

  /// What is there now and was not in `before`, sorted.
  public func leaks(since before: LeakCensus) -> [Finding] { findings.subtracting(before.findings).sorted() }

  /// Takes censuses until one shows nothing new (the kernel frees some things a moment after their last user), at most `deadline` long;
  /// returns what stayed.
  public static func leaks(
    since before: LeakCensus, directories: [String] = [], descriptorsOf daemon: pid_t? = nil, within deadline: Duration = .seconds(5)
  ) throws -> [Finding] {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    while true {
      let now = try take(directories: directories, descriptorsOf: daemon)
      let leaks = now.leaks(since: before)
      if leaks.isEmpty || clock.now >= end { return leaks }
      usleep(20_000)
    }
  }
}
