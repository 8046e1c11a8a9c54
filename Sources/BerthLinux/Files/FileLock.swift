import Glibc

/// An advisory lock that lasts as long as the value, and ends with the process however it ends. Source: flock(2).
public struct FileLock: ~Copyable, Sendable {
  private let file: FD

  /// nil if somebody else holds it. The file holds the owner's pid, for people.
  public init?(_ path: String) throws(Errno) {
    let file = try Files.open(path, O_RDWR | O_CREAT)
    let number = file.raw
    do throws(Errno) { try call { flock(number, LOCK_EX | LOCK_NB) } } catch {
      if error == .again { return nil }
      throw error
    }
    try call { ftruncate(number, 0) }
    try file.writeAll("\(getpid())\n".utf8)
    self.file = file
  }
}
