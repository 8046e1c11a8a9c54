import BerthLinux
import Glibc

/// A folder of a test's own, removed with the last reference.
final class Scratch {
  let path: String

  init() throws {
    var template = Array("/tmp/berth-client-XXXXXX".utf8CString)
    guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else { throw Errno.current }
    path = String(cString: made)
  }

  deinit { try? Files.removeTree(path) }
}
