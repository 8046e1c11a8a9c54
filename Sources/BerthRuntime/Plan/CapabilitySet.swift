import BerthCore

/// A set of capabilities as the kernel's bit mask.
public struct CapabilitySet: OptionSet, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// In the order of their numbers. Source: capabilities(7).
  public static let names = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
    "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
    "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
    "PERFMON", "BPF", "CHECKPOINT_RESTORE",
  ]

  /// From names such as `CAP_CHOWN`; `unknown` gets those that are none.
  public init(_ names: [String], unknown: inout [String]) {
    var bits: UInt64 = 0
    for name in names {
      if name.hasPrefix("CAP_"), let number = Self.names.firstIndex(of: String(name.dropFirst(4))) {
        bits |= 1 << UInt64(number)
      } else {
        unknown.append(name)
      }
    }
    rawValue = bits
  }

  /// `CAP_…` of every member, in the order of their numbers.
  public var members: [String] {
    Self.names.enumerated().filter { rawValue >> UInt64($0.offset) & 1 == 1 }.map { "CAP_\($0.element)" }
  }
  public var description: String { "0x\(String(rawValue, radix: 16))" }
}
