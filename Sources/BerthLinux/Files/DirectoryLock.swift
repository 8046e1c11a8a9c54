import Glibc

/// An exclusive lock on an open directory, waited for; it ends with the value and with the process. Source: flock(2).
public struct DirectoryLock: ~Copyable, Sendable {
  /// The directory, for what is done in it.
  public let directory: FD

  public init(_ path: String) throws(Errno) {
    let directory = try Files.openDirectory(path)
    let number = directory.raw
    try call { flock(number, LOCK_EX) }
    self.directory = directory
  }

  /// Whether nobody has it right now.
  public static func isFree(_ path: String) throws(Errno) -> Bool {
    let number = try Files.openDirectory(path)
    return flock(number.raw, LOCK_EX | LOCK_NB) == 0
  }

  /// Said out loud: a child that has the descriptor too would keep the lock.
  deinit { flock(directory.raw, LOCK_UN) }
}

extension Files {
  /// Makes one directory that must not be there yet (EEXIST).
  public static func makeNewDirectory(_ path: String, mode: mode_t = 0o700) throws(Errno) { try call { mkdir(path, mode) } }

  /// Makes a file that must not be there yet, with these bytes.
  public static func writeNew(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(Errno) {
    let file = try open(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.writeAll(bytes)
  }

  /// Adds to the end of a file, which is made if it isn't there: one write(2).
  public static func append(_ text: String, to path: String) throws(Errno) {
    let file = try open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    try file.writeAll(Array(text.utf8))
  }

  /// The process's working directory.
  public static func workingDirectory() throws(Errno) -> String { try readLink("/proc/self/cwd") }
}
