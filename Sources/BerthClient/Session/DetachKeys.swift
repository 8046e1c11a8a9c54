/// Watches what a terminal's user types for the keys that leave a session: ctrl-p ctrl-q.
public struct DetachKeys: Sendable {
  private static let first: UInt8 = 0x10
  private static let second: UInt8 = 0x11
  private var isHeld = false

  public init() {}

  /// What of `bytes` goes on to the process, and whether the user wants to leave. The first key is held back until the next is known.
  public mutating func pass(_ bytes: [UInt8]) -> (bytes: [UInt8], detach: Bool) {
    var out: [UInt8] = []
    for byte in bytes {
      if isHeld {
        isHeld = false
        if byte == Self.second { return (out, true) }
        out.append(Self.first)
      }
      if byte == Self.first { isHeld = true } else { out.append(byte) }
    }
    return (out, false)
  }
}
