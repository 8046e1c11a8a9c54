import Glibc

/// A process told apart from a later one with the same number: pid and start time.
public struct ProcessIdentity: Sendable, Hashable {
  public var pid: pid_t
  /// In clock ticks since boot: field 22 of /proc/PID/stat.
  public var startTicks: UInt64

  public init(pid: pid_t, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }

  /// Of a process that lives or is a zombie nobody reaped yet; ESRCH for none.
  public init(of pid: pid_t) throws(Errno) {
    self = try Self.look(pid).identity
  }

  /// Whether this very process still runs; a zombie doesn't, nor one that the kernel is taking apart (its sockets close before it is one).
  public var isAlive: Bool {
    guard let found = try? Self.look(pid) else { return false }
    return found.identity == self && !found.isEnding
  }

  /// The kernel's PF_EXITING, in field 9 of /proc/PID/stat.
  private static let exiting: UInt64 = 0x4

  private static func look(_ pid: pid_t) throws(Errno) -> (identity: ProcessIdentity, isEnding: Bool) {
    let text: [UInt8]
    do throws(Errno) { text = try Files.read("/proc/\(pid)/stat", limit: 8192) } catch {
      throw error == .notFound ? .noSuchProcess : error
    }
    // The name may hold anything, blanks and brackets too: fields are counted from the last bracket on.
    guard let bracket = text.lastIndex(of: UInt8(ascii: ")")), bracket + 2 < text.count else { throw .noSuchProcess }
    let state = text[bracket + 2]
    guard let ticks = number(22, in: text[(bracket + 2)...]) else { throw .noSuchProcess }
    let isZombie = state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
    let flags = number(9, in: text[(bracket + 2)...]) ?? 0
    return (ProcessIdentity(pid: pid, startTicks: ticks), isZombie || flags & Self.exiting != 0)
  }

  /// Field `wanted` of a line that begins with field 3, if it is a number. By bytes: every call of a runtime reads such a line.
  private static func number(_ wanted: Int, in line: ArraySlice<UInt8>) -> UInt64? {
    var field = 3
    var value: UInt64?
    for byte in line {
      if byte == UInt8(ascii: " ") {
        field += 1
        if field > wanted { break }
      } else if field == wanted {
        guard (48...57).contains(byte) else { return nil }
        value = (value ?? 0) &* 10 &+ UInt64(byte - 48)
      }
    }
    return value
  }
}

extension ProcessIdentity {
  /// SIGKILL to this very process; one that is gone already is fine.
  public func kill() throws(Errno) { try signal(SIGKILL) }

  /// To this very process; one that is gone already is fine. By pidfd: the number may be another's by the time of the call.
  public func signal(_ number: Int32) throws(Errno) {
    do throws(Errno) {
      let handle = try ProcessControl.open(pid)
      guard isAlive else { return }
      try ProcessControl.signal(handle, number)
    } catch { if error != .noSuchProcess { throw error } }
  }
}
