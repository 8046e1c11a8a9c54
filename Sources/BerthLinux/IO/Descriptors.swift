import BerthCore
import CBerthSys
import Glibc

/// Operations on descriptors that belong to somebody else: a library, an inherited number.
public enum Descriptors {
  public static func setCloseOnExec(_ number: Int32) throws(Errno) {
    let flags = try call { fcntl(number, F_GETFD) }
    try call { fcntl(number, F_SETFD, flags | FD_CLOEXEC) }
  }

  /// Whether it is open and came from whoever started this program: what a program of Berth's opens itself is closed when it executes.
  public static func isInherited(_ number: Int32) -> Bool {
    let flags = fcntl(number, F_GETFD)
    return flags >= 0 && flags & FD_CLOEXEC == 0
  }

  /// Reads on it give `.again` instead of waiting.
  public static func setNonBlocking(_ number: Int32) throws(Errno) {
    let flags = try call { fcntl(number, F_GETFL) }
    try call { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
  }

  /// How many bytes a pipe or a terminal has for its reader by now.
  public static func readableCount(_ number: Int32) throws(Errno) -> Int { Int(try call { berth_readable_count(number) }) }

  /// One read(2) into memory of the caller's: the number of bytes, 0 at the end of the file.
  public static func read(_ number: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try call { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  /// One read(2) of at most `count` bytes; empty where nothing waits on a non-blocking descriptor, and at the end of a file.
  public static func readAvailable(_ number: Int32, upTo count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    do throws(Errno) {
      let got = try call { bytes.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, count) } }
      bytes.removeLast(count - got)
      return bytes
    } catch {
      if error == .again { return [] }
      throw error
    }
  }

  /// One read(2) of at most `count` bytes; empty at the end of the file. Throws EAGAIN where nothing waits on a non-blocking descriptor.
  public static func read(_ number: Int32, upTo count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(Errno) { filled = try call { Glibc.read(number, buffer.baseAddress, count) } } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Lets this process open as many descriptors as its hard limit allows: a daemon keeps a few for every pod.
  public static func raiseLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Waits until one of `numbers` is readable (or hung up), at most `timeout`; nil waits for ever. Returns the readable ones.
  public static func waitReadable(_ numbers: [Int32], timeout: Duration?) throws(Errno) -> Set<Int32> {
    var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // Rounded up: waking a little late beats spinning until the time has come.
    let limit = timeout.map { Int32(clamping: $0.nanoseconds / 1_000_000 + ($0.nanoseconds % 1_000_000 > 0 ? 1 : 0)) } ?? -1
    try call { poll(&entries, nfds_t(entries.count), limit) }
    return Set(entries.filter { $0.revents != 0 }.map(\.fd))
  }

  /// Whether one can be read within so many milliseconds: of a pidfd, whether its process ends.
  public static func becomesReadable(_ number: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    return (try? call { poll(&entry, 1, milliseconds) }) == 1
  }
}

/// A counter that wakes a thread waiting in `Descriptors.waitReadable`. Source: eventfd(2).
public final class WakeUp: Sendable {
  private let file: FD
  public var descriptor: Int32 { file.raw }

  public init() throws(Errno) { file = FD(owning: try call { berth_eventfd() }) }

  public func wake() {
    var one: UInt64 = 1
    _ = Glibc.write(file.raw, &one, 8)
  }

  /// Makes it unreadable until the next `wake`.
  public func clear() {
    var count: UInt64 = 0
    _ = Glibc.read(file.raw, &count, 8)
  }
}

extension Descriptors {
  /// Those of `numbers` that are FIFOs belong to `uid` from now on: whoever runs as it may open them again.
  public static func giveFIFOs(_ numbers: [Int32], to uid: UInt32) throws(Errno) {
    for number in numbers {
      var status = stat()
      try call { fstat(number, &status) }
      if status.st_mode & S_IFMT == S_IFIFO { try call { fchown(number, uid, gid_t.max) } }
    }
  }

  /// All of `bytes`, which is empty afterwards. False if the other end is gone.
  public static func write(_ bytes: inout [UInt8], to number: Int32) -> Bool {
    defer { bytes.removeAll(keepingCapacity: true) }
    var done = 0
    while done < bytes.count {
      guard let count = try? call({ bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress.map { $0 + done }, bytes.count - done) } })
      else {
        return false
      }
      done += count
    }
    return true
  }
}
