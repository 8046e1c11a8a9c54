import Glibc

/// Named pipes.
public enum Fifo {
  /// Makes a fresh one at `path`; what was there is removed.
  public static func make(_ path: String, mode: mode_t = 0o600) throws(Errno) {
    try Files.unlink(path)
    try call { mkfifo(path, mode) }
  }

  /// Both ends in one descriptor: whoever holds it never gets EPIPE when the other side dies.
  public static func openBoth(_ path: String) throws(Errno) -> FD { try Files.open(path, O_RDWR) }

  /// The reading end, non-blocking.
  public static func openReader(_ path: String) throws(Errno) -> FD { try Files.open(path, O_RDONLY | O_NONBLOCK) }
}
