import BerthLinux
import Glibc

/// A directory of its own for one test, removed with all that is in it.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() throws(Errno) {
    path = "/tmp/berth-images-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try Files.makeDirectory(path)
  }

  deinit {
    guard let parent = try? Files.open("/tmp", O_RDONLY | O_DIRECTORY), let name = PathBytes(Files.name(of: path).utf8) else { return }
    try? TreeFiles.removeTree(parent, name)
  }

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
