import BerthCore
import BerthLinux
import Glibc

/// A directory of a test's own, removed with all it holds when the last reference goes.
public final class TemporaryDirectory: Sendable {
  /// Absolute, without symlinks.
  public let path: String

  public init(_ name: String = "test") throws {
    let template = "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/berth-\(name)-XXXXXX"
    var bytes = Array(template.utf8CString)
    guard let made = bytes.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else { throw Errno.current }
    path = try Files.realPath(String(cString: made))
  }

  deinit { try? Files.removeTree(path) }

  /// Writes a file below the directory in one step and returns its path; directories on the way are made.
  @discardableResult
  public func write(_ text: String, to name: String, mode: mode_t = 0o644) throws -> String {
    let file = "\(path)/\(name)"
    try Files.makeDirectories(Files.parent(of: file), mode: 0o755)
    try Files.writeAtomically(Array(text.utf8), to: file, mode: mode)
    return file
  }
}
