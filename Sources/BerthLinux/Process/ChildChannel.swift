import CBerthSys
import Glibc

/// Talking to a child process over a socket that is its standard input and output.
public enum ChildChannel {
  /// Two descriptors that belong together.
  public struct Ends: ~Copyable, Sendable {
    public let ours: FD
    public let child: FD

    /// Gives both away: the caller closes them.
    public consuming func release() -> (ours: Int32, child: Int32) { (ours.release(), child.release()) }

    /// Closes the child's end, which the child has by now.
    public consuming func keepOurs() -> FD { ours }
  }

  /// Two ends of a stream, both close-on-exec.
  public static func pair() throws(Errno) -> Ends {
    var ends: [Int32] = [-1, -1]
    try call { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) }
    return Ends(ours: FD(owning: ends[0]), child: FD(owning: ends[1]))
  }

  /// A pipe that the child writes to, both ends close-on-exec.
  public static func pipe() throws(Errno) -> Ends {
    var ends: [Int32] = [-1, -1]
    try call { berth_pipe_cloexec(&ends) }
    return Ends(ours: FD(owning: ends[0]), child: FD(owning: ends[1]))
  }

  /// An eventfd(2): readable once `signal` was called.
  public static func event() throws(Errno) -> FD { FD(owning: try call { berth_event() }) }

  public static func signal(_ event: borrowing FD) {
    let number = event.raw
    _ = berth_event_signal(number)
  }

  /// All of `bytes`. EPIPE, without the signal, if nobody can read them any more.
  public static func send(_ socket: borrowing FD, _ bytes: [UInt8]) throws(Errno) {
    let number = socket.raw
    var done = 0
    while done < bytes.count {
      done += try call {
        bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL)) }
      }
    }
  }

  /// Waits until at least one descriptor has something to read or is at its end; negative numbers are left out. True at the positions
  /// that do.
  public static func waitReadable(_ numbers: [Int32]) throws(Errno) -> [Bool] {
    var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    try call { poll(&entries, nfds_t(entries.count), -1) }
    return entries.map { $0.revents != 0 }
  }
}
