import CBerthSys
import Glibc

/// Takes connections over TCP.
public struct TCPListener: ~Copyable {
  private let socket: FD
  /// On which it listens.
  public let port: UInt16

  /// On a numeric address, IPv4 or IPv6. Port 0: one that is free.
  public init(_ address: String, port: UInt16) throws(Errno) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, address, &four) == 1 {
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      name.sin_addr = four
      socket = try Self.listen(AF_INET, &name)
      self.port = UInt16(bigEndian: name.sin_port)
    } else if inet_pton(AF_INET6, address, &six) == 1 {
      var name = sockaddr_in6()
      name.sin6_family = sa_family_t(AF_INET6)
      name.sin6_port = port.bigEndian
      name.sin6_addr = six
      socket = try Self.listen(AF_INET6, &name)
      self.port = UInt16(bigEndian: name.sin6_port)
    } else {
      throw .invalid
    }
  }

  /// `name` becomes what it is bound to.
  private static func listen<Name>(_ family: Int32, _ name: inout Name) throws(Errno) -> FD {
    let socket = FD(owning: try call { Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
    let number = socket.raw
    var on: Int32 = 1
    var size = socklen_t(MemoryLayout<Name>.size)
    try call { setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size)) }
    try withUnsafeMutablePointer(to: &name) { (pointer) throws(Errno) in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { (address) throws(Errno) in
        try call { bind(number, address, size) }
        try call { Glibc.listen(number, 128) }
        try call { getsockname(number, address, &size) }
      }
    }
    return socket
  }

  /// The next connection, non-blocking and close-on-exec. Waits for one.
  public borrowing func accept() throws(Errno) -> FD {
    let number = socket.raw
    while true {
      do throws(Errno) { return FD(owning: try call { berth_accept(number) }) } catch {
        // The other side left before it was served.
        if error != Errno(ECONNABORTED) { throw error }
      }
    }
  }

  /// Gives the descriptor away, for a listener that lives as long as the process.
  public consuming func release() -> (number: Int32, port: UInt16) {
    let port = port
    return (socket.release(), port)
  }

  /// Takes over what `release` gave.
  public init(owning number: Int32, port: UInt16) {
    socket = FD(owning: number)
    self.port = port
  }
}

extension TCPSocket {
  /// Nothing more is sent; the other side reads to an end.
  public static func finishSending(_ socket: borrowing FD) { _ = shutdown(socket.raw, Int32(SHUT_WR)) }
}
