import CBerthSys

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
  case exited(Int32)
  case signaled(Int32)

  /// From waitpid(2)'s status of a process that has ended.
  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited(waitStatus >> 8 & 0xff) : .signaled(signal)
  }

  /// As shells tell it: 128 and the signal's number for a process that died of one.
  public var code: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }

  /// nil if it exited by itself.
  public var signal: Int32? { if case .signaled(let signal) = self { signal } else { nil } }

  public var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signaled(let number): "signal \(number)\(berth_signal_name(number).map { " (SIG\(String(cString: $0)))" } ?? "")"
    }
  }
}
