import Glibc

/// A SOCK_SEQPACKET socket with a name in a directory: two processes that don't know each other meet there. Reached through the
/// directory's descriptor, so that its path may be of any length. Source: unix(7).
public enum MeetingPoint {
  /// A new one, listening. The name must be free.
  public static func listen(in directory: borrowing FD, _ name: String) throws(Errno) -> FD {
    let socket = try open()
    let number = socket.raw
    var address = try address(directory, name)
    try call { withSocketAddress(&address) { bind(number, $0, $1) } }
    try call { Glibc.listen(number, 8) }
    return socket
  }

  /// A connection to whoever listens.
  public static func connect(in directory: borrowing FD, _ name: String) throws(Errno) -> FD {
    let socket = try open()
    let number = socket.raw
    var address = try address(directory, name)
    try call { withSocketAddress(&address) { Glibc.connect(number, $0, $1) } }
    return socket
  }

  private static func open() throws(Errno) -> FD {
    FD(owning: try call { socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
  }

  private static func address(_ directory: borrowing FD, _ name: String) throws(Errno) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array("/proc/self/fd/\(directory.raw)/\(name)".utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno(ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  private static func withSocketAddress(_ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
