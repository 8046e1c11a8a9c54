import Glibc

extension Files {
  public static func openReadOnly(_ path: String) throws(Errno) -> FD { try open(path, O_RDONLY) }

  /// The null device, for reading and writing; a descriptor above 2.
  public static func openNull() throws(Errno) -> FD { try open("/dev/null", O_RDWR).duplicate() }

  /// Whether a descriptor's file is /dev/null, as the kernel numbers devices.
  public static func isNull(_ file: borrowing FD) throws(Errno) -> Bool {
    let status = try file.status()
    return status.kind == .characterDevice && status.rdev == 0x103
  }
}

extension Rooted {
  /// Names a file without opening it: no device is touched.
  public static func openPath(_ root: borrowing FD, _ path: String) throws(Errno) -> FD { try open(root, path, pathOnly) }
  /// O_PATH, which Swift cannot import; the same on x86 and ARM.
  private static let pathOnly: Int32 = 0o10_000_000

  /// For reading; never waits for the other side of a FIFO.
  public static func openReadOnly(_ root: borrowing FD, _ path: String) throws(Errno) -> FD {
    try open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
  }
}

extension Descriptors {
  public static func close(_ numbers: [Int32]) { for number in numbers { _ = Glibc.close(number) } }

  /// A second descriptor of an open file that somebody else owns; above 2.
  public static func duplicate(_ number: Int32) throws(Errno) -> FD { FD(owning: try call { fcntl(number, F_DUPFD_CLOEXEC, 3) }) }
}
