import CBerthSys
import Glibc

/// A network namespace, kept by a descriptor.
public struct NetworkNamespace: ~Copyable, Sendable {
  public let file: FD

  /// Of the calling thread.
  public static func own() throws(Errno) -> NetworkNamespace {
    NetworkNamespace(file: try Files.open("/proc/thread-self/ns/net", O_RDONLY))
  }

  /// Of a process that is told apart from a later one with the same number; ESRCH if it is gone.
  public init(of process: ProcessIdentity) throws(Errno) {
    let file: FD
    do throws(Errno) { file = try Files.open("/proc/\(process.pid)/ns/net", O_RDONLY) } catch {
      throw error == .notFound ? .noSuchProcess : error
    }
    // Alive now, so the number was its own when the file was opened.
    guard process.isAlive else { throw .noSuchProcess }
    self.init(file: file)
  }

  private init(file: consuming FD) { self.file = file }

  private static let kind: Int32 = 0x4000_0000

  /// Runs `body` with the calling thread in this namespace, then takes it back to `home`. A thread that can't go back is of no more use,
  /// so the process ends: it would do to one network what is meant for another.
  public borrowing func enter<Value>(from home: borrowing NetworkNamespace, _ body: () throws(Errno) -> Value) throws(Errno) -> Value {
    let (there, back) = (file.raw, home.file.raw)
    try call { berth_setns(there, Self.kind) }
    defer { if berth_setns(back, Self.kind) != 0 { preconditionFailure("no way back to the node's network namespace: \(Errno.current)") } }
    return try body()
  }

  /// Whether both are one and the same.
  public borrowing func isSame(as other: borrowing NetworkNamespace) -> Bool {
    guard let one = try? file.status(), let two = try? other.file.status() else { return false }
    return one.inode == two.inode && one.device == two.device
  }
}
