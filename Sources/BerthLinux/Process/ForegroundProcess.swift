import CBerthSys
import Glibc

/// Waiting in the foreground for a child that stands for this process: signals go on to it, and a terminal of its own is relayed.
public enum ForegroundProcess {
  /// Keeps all signals pending from now on; `wait` takes them. Children get an empty mask from whoever executes them.
  public static func blockSignals() {
    var all = sigset_t()
    sigfillset(&all)
    sigprocmask(SIG_BLOCK, &all, nil)
  }

  /// Until the child `pid` has ended; then its status. `terminal`: the other side of its terminal, relayed to 0 and 1.
  public static func wait(for pid: pid_t, terminal: borrowing FD?) throws(Errno) -> ExitStatus {
    var all = sigset_t()
    sigfillset(&all)
    let signals = FD(owning: try call { signalfd(-1, &all, Int32(SFD_CLOEXEC)) })
    let other: Int32 =
      switch terminal {
      case .some(let open): open.raw
      case .none: -1
      }
    let before = other >= 0 ? Terminal.makeRaw(0) : nil
    defer { if let before { Terminal.restore(0, before) } }
    if other >= 0 { Terminal.copySize(from: 0, to: other) }
    var relay = TerminalRelay(other: other)
    if let status = try Children.reapIfEnded(pid) {
      relay.drain()
      return status
    }
    while true {
      var entries = relay.entries + [pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0)]
      try call { poll(&entries, nfds_t(entries.count), -1) }
      relay.serve(entries)
      guard entries[2].revents != 0, let status = try take(signals, pid, other) else { continue }
      relay.drain()
      return status
    }
  }

  private static func take(_ signals: borrowing FD, _ pid: pid_t, _ terminal: Int32) throws(Errno) -> ExitStatus? {
    let bytes = try signals.read(upTo: MemoryLayout<signalfd_siginfo>.size)
    guard bytes.count == MemoryLayout<signalfd_siginfo>.size else { return nil }
    let number = Int32(bytes.withUnsafeBytes { $0.loadUnaligned(as: signalfd_siginfo.self) }.ssi_signo)
    switch number {
    case SIGCHLD: return try Children.reapIfEnded(pid)
    case SIGWINCH where terminal >= 0: Terminal.copySize(from: 0, to: terminal)
    default: _ = Glibc.kill(pid, number)
    }
    return nil
  }
}

/// What a terminal is set to. Source: termios(3), ioctl_tty(2).
enum Terminal {
  /// nil: not a terminal.
  static func makeRaw(_ number: Int32) -> termios? {
    var now = termios()
    guard tcgetattr(number, &now) == 0 else { return nil }
    var raw = now
    cfmakeraw(&raw)
    tcsetattr(number, TCSANOW, &raw)
    return now
  }

  static func restore(_ number: Int32, _ settings: termios) {
    var settings = settings
    tcsetattr(number, TCSANOW, &settings)
  }

  static func copySize(from: Int32, to: Int32) { _ = berth_copy_terminal_size(from, to) }
}

/// Bytes from 0 to a terminal's other side, and from there to 1.
private struct TerminalRelay {
  let other: Int32
  private var reads = true

  init(other: Int32) { self.other = other }

  var entries: [pollfd] {
    [pollfd(fd: other >= 0 && reads ? 0 : -1, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0)]
  }

  mutating func serve(_ entries: [pollfd]) {
    if entries[0].revents != 0, !copy(0, other) { reads = false }
    if entries[1].revents != 0, !copy(other, 1) {
      // The terminal has no user now. One may open it again, and until then it reports a hang-up without end: the kernel has no event
      // for this wait.
      usleep(1000)
    }
  }

  /// What the process wrote before its end.
  func drain() {
    guard other >= 0, fcntl(other, F_SETFL, O_NONBLOCK) == 0 else { return }
    while copy(other, 1) {}
  }

  private func copy(_ from: Int32, _ to: Int32) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 8192)
    let got = Glibc.read(from, &bytes, bytes.count)
    guard got > 0 else { return false }
    bytes.removeLast(bytes.count - got)
    return Descriptors.write(&bytes, to: to)
  }
}
