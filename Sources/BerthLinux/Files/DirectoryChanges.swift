import CBerthSys
import Glibc

/// Tells when something in one directory changes: for a reader that follows files. Source: inotify(7).
public struct DirectoryChanges: ~Copyable, Sendable {
  private let inotify: FD
  /// Readable when `wait` won't wait.
  public var descriptor: Int32 { inotify.raw }

  public init(_ directory: String) throws(Errno) {
    let file = FD(owning: try call { berth_inotify_init() })
    let number = file.raw
    try call { berth_inotify_add_changes(number, directory) }
    inotify = consume file
  }

  /// Waits for a change. Returns false once the directory itself is gone, or `end` was woken.
  public borrowing func wait(until end: WakeUp? = nil) throws(Errno) -> Bool {
    if let end, try Descriptors.waitReadable([inotify.raw, end.descriptor], timeout: nil).contains(end.descriptor) { return false }
    let bytes = try inotify.read(upTo: 65536)
    return bytes.withUnsafeBytes { buffer in
      var at = 0
      while at + MemoryLayout<UInt32>.size * 4 <= buffer.count {
        let mask = buffer.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
        if mask & UInt32(BERTH_IN_IGNORED) != 0 { return false }
        at += 16 + Int(buffer.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self))
      }
      return true
    }
  }
}
