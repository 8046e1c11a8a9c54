import CBerthSys
import Glibc

/// What a supervising process does to itself and to its children.
public enum ProcessControl {
  /// How a child ended.
  public struct Ended: Sendable, Equatable {
    public var pid: pid_t
    /// 128 + n after signal n.
    public var exitCode: Int32
    /// nil if it exited by itself.
    public var signal: Int32?

    init(pid: pid_t, code: Int32, signaled: Bool) {
      self.pid = pid
      exitCode = signaled ? 128 + code : code
      signal = signaled ? code : nil
    }
  }

  public static var pid: pid_t { getpid() }
  public static var effectiveUser: UInt32 { geteuid() }

  /// Orphans among this process's descendants become its children.
  public static func becomeSubreaper() throws(Errno) { try call { berth_become_subreaper() } }

  /// Becomes `program`, with this process's environment. Returns only to say why it couldn't.
  public static func execute(_ program: String, _ arguments: [String]) -> Errno {
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    execv(program, &words)
    defer { for word in words { free(word) } }
    return Errno.current
  }

  /// The name in /proc/PID/comm, at most 15 bytes.
  public static func setName(_ name: String) { _ = berth_set_comm(name) }

  /// Closes every descriptor from `first` on.
  public static func closeDescriptors(from first: Int32) throws(Errno) {
    try call { berth_close_from(UInt32(clamping: first)) }
  }

  /// Standard input, output and error become /dev/null.
  public static func detachStandardStreams() throws(Errno) {
    let null = try Files.open("/dev/null", O_RDWR)
    let number = null.raw
    for stream in 0...2 { try call { dup2(number, Int32(stream)) } }
  }

  /// Reaps one child that has ended, whichever it is; nil if none has.
  public static func reapAny() -> Ended? {
    var code: Int32 = 0
    var signaled: Int32 = 0
    let pid = berth_reap_any(&code, &signaled)
    return pid > 0 ? Ended(pid: pid, code: code, signaled: signaled != 0) : nil
  }

  /// Reaps the child `pid` if it has ended.
  public static func reap(_ pid: pid_t) -> Ended? {
    var status: Int32 = 0
    guard (try? call { waitpid(pid, &status, WNOHANG) }) == pid else { return nil }
    return decoded(status, pid)
  }

  /// Reaps the child behind a pidfd if it has ended. Leaves all other children alone.
  public static func reap(_ pidfd: borrowing FD) throws(Errno) -> Ended? {
    var status: Int32 = 0
    let number = pidfd.raw
    return try call { berth_reap_pidfd(number, &status) } == 0 ? nil : decoded(status, 0)
  }

  static func decoded(_ status: Int32, _ pid: pid_t) -> Ended {
    let signal = status & 0x7f
    return signal == 0 ? Ended(pid: pid, code: (status >> 8) & 0xff, signaled: false) : Ended(pid: pid, code: signal, signaled: true)
  }

  /// A descriptor that becomes readable when the child has ended.
  public static func openChild(_ pid: pid_t) throws(Errno) -> FD { FD(owning: try call { berth_child_pidfd(pid) }) }

  /// A descriptor for any process that lives or is a zombie; ESRCH for none.
  public static func open(_ pid: pid_t) throws(Errno) -> FD { FD(owning: try call { berth_child_pidfd(pid) }) }

  /// By pidfd: to that very process, or ESRCH.
  public static func signal(_ pidfd: borrowing FD, _ number: Int32) throws(Errno) {
    let raw = pidfd.raw
    try call { berth_signal_pidfd(raw, number) }
  }

  /// To a process that this one hasn't reaped yet, so that the number is still its own.
  public static func signal(_ pid: pid_t, _ number: Int32) throws(Errno) { try call { kill(pid, number) } }

  /// Gives the free pages of the C library's heap, and those of the stack that deeper calls left behind, back to the kernel. Only for
  /// the main thread.
  public static func trimMemory() { berth_trim_memory() }

  /// Gives the pages of the program's code and tables back that are mapped by now: those that are needed again are mapped again, from the
  /// page cache. For a program that has done what takes much of its code, once.
  public static func forgetProgram() { berth_forget_program() }
}
