import BerthLinux
import BerthTestSupport
import Glibc

/// For tests of images alone, which need nothing else of that module.
public typealias TemporaryDirectory = BerthTestSupport.TemporaryDirectory

extension TemporaryDirectory {
  /// The path of `name` in it.
  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes the directory and opens it.
  public func directory(_ name: String) throws(Errno) -> FD {
    try Files.makeDirectories(self(name), mode: 0o755)
    return try Files.open(self(name), O_RDONLY | O_DIRECTORY)
  }

  public func write(_ name: String, _ bytes: [UInt8]) throws(Errno) {
    try Files.makeDirectories(Files.parent(of: self(name)), mode: 0o755)
    try Files.writeAtomically(bytes, to: self(name), mode: 0o644)
  }
}
