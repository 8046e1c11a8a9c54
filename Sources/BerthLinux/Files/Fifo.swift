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

  /// The writing end, blocking once it is open; ENXIO where nobody reads.
  public static func openWriter(_ path: String) throws(Errno) -> FD {
    let writer = try Files.open(path, O_WRONLY | O_NONBLOCK)
    try writer.setNonBlocking(false)
    return writer
  }

  /// The reading end, non-blocking.
  public static func openReader(_ path: String) throws(Errno) -> FD { try Files.open(path, O_RDONLY | O_NONBLOCK) }
}
