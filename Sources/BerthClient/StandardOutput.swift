import BerthLinux
import Synchronization

/// Standard output in pieces of 64 KiB. Flush it before the program ends.
public enum StandardOutput {
  private static let buffer = Mutex<[UInt8]>([])
  private static let piece = 1 << 16

  /// False once nobody reads any more (`| head`).
  @discardableResult public static func write(_ bytes: some Collection<UInt8>) -> Bool {
    buffer.withLock { buffer in
      buffer += bytes
      return buffer.count < piece || Descriptors.write(&buffer, to: 1)
    }
  }

  @discardableResult public static func flush() -> Bool { buffer.withLock { Descriptors.write(&$0, to: 1) } }
}
