import BerthCore
import BerthOCI

/// Where the listener of a filter that asks goes. Source: config-linux.md "The Container Process State".
public struct SeccompListener: Sendable, Hashable {
  /// Connected to `linux.seccomp.listenerPath`.
  public var socket: Int32
  /// The message that goes with the descriptor: JSON with `pidMark` in place of the process's pid, which is known only once it is there.
  public var message: String
  public init(socket: Int32, message: String) {
    self.socket = socket
    self.message = message
  }

  /// No JSON holds such bytes. As wide as the largest pid.
  public static let pidMark = String(repeating: "\u{1}", count: 10)
}

extension InitPlanner {
  /// SECCOMP_FILTER_FLAG_*. Source: seccomp(2).
  private static let filterFlags: [String: UInt32] = [
    // One thread: there is nobody to synchronise with.
    "SECCOMP_FILTER_FLAG_TSYNC": 0,
    "SECCOMP_FILTER_FLAG_LOG": 2, "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
  ]

  mutating func planSeccomp() throws(BerthError) {
    guard let filter = facts.seccompFilter else {
      if linux.seccomp != nil { throw failure(.unsupported, "linux.seccomp", "no compiled filter was given with it") }
      return
    }
    guard !filter.isEmpty, filter.count % 8 == 0, filter.count <= 4096 * 8 else {
      throw failure(.invalidArgument, "linux.seccomp", "the compiled filter is no filter program")
    }
    let notifies = linux.seccomp?.notifies ?? false
    var flags: UInt32 = 0
    for name in linux.seccomp?.flags ?? [] {
      guard let flag = Self.filterFlags[name] else { throw failure(.unsupported, "linux.seccomp.flags", "unknown flag \"\(name)\"") }
      guard flag != 32 || notifies else { throw failure(.invalidArgument, "linux.seccomp.flags", "\(name) without SCMP_ACT_NOTIFY") }
      flags |= flag
    }
    guard notifies else { return add(.seccomp(filter, flags: flags), "load seccomp filter") }
    guard let listener = facts.seccompListener else {
      throw failure(.invalidArgument, "linux.seccomp.listenerPath", "SCMP_ACT_NOTIFY needs a socket where somebody listens")
    }
    add(.seccompListening(filter, flags: flags, listener), "load seccomp filter and send its listener")
  }
}
