import CBerthSys
import Glibc

/// Signals that are read like a file instead of interrupting. Source: signalfd(2).
public struct SignalQueue: ~Copyable {
  private let file: FD
  /// Readable when `next` has something to give.
  public var descriptor: Int32 { file.raw }

  /// What ends or tells a program in the foreground; SIGPIPE is only kept from ending this one.
  public static let foreground = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE]
  public static let windowChange = SIGWINCH
  public static let brokenPipe = SIGPIPE

  /// Blocks `signals` in the calling thread, for good.
  public init(_ signals: [Int32]) throws(Errno) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in signals { sigaddset(&set, number) }
    sigprocmask(SIG_BLOCK, &set, nil)
    file = FD(owning: try call { signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)) })
  }

  /// nil: none has come.
  public borrowing func next() -> Int32? {
    let size = MemoryLayout<signalfd_siginfo>.size
    guard let bytes = try? file.read(upTo: size), bytes.count == size else { return nil }
    return Int32(truncatingIfNeeded: bytes.withUnsafeBytes { $0.loadUnaligned(as: signalfd_siginfo.self) }.ssi_signo)
  }
}

/// This program's terminal while its keys are somebody else's: no line is kept back, no key is a signal. As before at the value's end.
public struct RawTerminal: ~Copyable {
  private let before: termios?

  /// Where standard input is no terminal, nothing happens.
  public init() { before = Terminal.makeRaw(0) }

  deinit { if let before { Terminal.restore(0, before) } }

  /// Whether standard input is one.
  public static var isThere: Bool { isatty(0) == 1 }

  /// Its size for the terminal whose other side is `other`.
  public static func copySize(to other: Int32) { Terminal.copySize(from: 0, to: other) }

  /// Rows and columns of standard input or output; nil: neither is a terminal.
  public static var size: (rows: UInt16, columns: UInt16)? {
    for number in Int32(0)...1 {
      var rows: UInt16 = 0
      var columns: UInt16 = 0
      if berth_terminal_size(number, &rows, &columns) == 0 { return (rows, columns) }
    }
    return nil
  }
}

extension Descriptors {
  /// Waits until one of `readable` is readable (or hung up), or one of `writable` can be written to (or never again).
  public static func wait(readable: [Int32], writable: [Int32]) throws(Errno) -> (readable: Set<Int32>, writable: Set<Int32>) {
    var entries = readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    entries += writable.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
    try call { poll(&entries, nfds_t(entries.count), -1) }
    func ready(_ part: ArraySlice<pollfd>) -> Set<Int32> { Set(part.filter { $0.revents != 0 }.map(\.fd)) }
    return (ready(entries[..<readable.count]), ready(entries[readable.count...]))
  }

  /// Waits until `number` is writable, or can't be any more; false if that takes longer than `timeout`.
  public static func isWritable(_ number: Int32, within timeout: Duration) throws(Errno) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    return try call { poll(&entry, 1, Int32(clamping: timeout.milliseconds)) } > 0
  }

  /// As below, for bytes in memory of the caller's.
  public static func writeAvailable(_ bytes: UnsafeRawBufferPointer, to number: Int32) throws(Errno) -> Int {
    do throws(Errno) { return try call { Glibc.write(number, bytes.baseAddress, bytes.count) } } catch {
      if error == .again { return 0 }
      throw error
    }
  }

  /// One write(2): how many of `bytes` it took; 0 if there is no room now. Throws EPIPE where nobody reads.
  public static func writeAvailable(_ bytes: ArraySlice<UInt8>, to number: Int32) throws(Errno) -> Int {
    do throws(Errno) { return try call { bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } } } catch {
      if error == .again { return 0 }
      throw error
    }
  }
}
