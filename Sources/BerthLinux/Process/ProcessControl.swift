import CBerthSys
import Glibc

/// What a process does to itself, and how it takes hold of others. Its own children are reaped in `Children`.
public enum ProcessControl {
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

  /// A descriptor for any process that lives or is a zombie, readable once it has ended; ESRCH for none.
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
