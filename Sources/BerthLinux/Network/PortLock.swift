import BerthCore
import Glibc

/// A port of the node that is kept from others by a bound socket: nobody else can listen there as long as it lives.
public final class PortLock: Sendable {
  public enum Transport: Int32, Sendable {
    case tcp = 6
    case udp = 17
    case sctp = 132
  }

  private let file: FD

  /// `address`: nil for every address of both families. EADDRINUSE if somebody has it; an address that the node doesn't have yet is fine.
  public init(_ transport: Transport, _ port: UInt16, on address: IPAddress?) throws(Errno) {
    do throws(Errno) {
      file = try Self.take(transport, port, address)
    } catch {
      // What is left of connections to a listener that is gone is in the way only without SO_REUSEADDR; a listener always is.
      guard error == .addressInUse, transport == .tcp else { throw error }
      file = try Self.take(transport, port, address, reuse: true)
    }
  }

  private static func take(_ transport: Transport, _ port: UInt16, _ address: IPAddress?, reuse: Bool = false) throws(Errno) -> FD {
    do throws(Errno) {
      return try bind(transport, port, address, isIPv6: address?.isIPv6 ?? true, reuse)
    } catch {
      // A node without IPv6 has every address with IPv4.
      guard address == nil, error == Errno(EAFNOSUPPORT) || error == Errno(EADDRNOTAVAIL) else { throw error }
      return try bind(transport, port, nil, isIPv6: false, reuse)
    }
  }

  private static func bind(_ transport: Transport, _ port: UInt16, _ address: IPAddress?, isIPv6: Bool, _ reuse: Bool) throws(Errno) -> FD {
    let kind = (transport == .udp ? Int32(SOCK_DGRAM.rawValue) : Int32(SOCK_STREAM.rawValue)) | Int32(SOCK_CLOEXEC.rawValue)
    let file = FD(owning: try call { socket(isIPv6 ? AF_INET6 : AF_INET, kind, transport.rawValue) })
    let number = file.raw
    var on: Int32 = 1
    // With it, a socket that listens could share the port later.
    if reuse { _ = setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size)) }
    // IP_FREEBIND.
    _ = setsockopt(number, Int32(IPPROTO_IP), 15, &on, socklen_t(MemoryLayout<Int32>.size))
    if isIPv6 {
      var only: Int32 = address == nil ? 0 : 1
      _ = setsockopt(number, Int32(IPPROTO_IPV6), 26, &only, socklen_t(MemoryLayout<Int32>.size))
      var name = sockaddr_in6()
      name.sin6_family = sa_family_t(AF_INET6)
      name.sin6_port = port.bigEndian
      if let address { withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes.prefix(16)) } }
      try bind(number, &name)
    } else {
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      if let address { withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: address.bytes.prefix(4)) } }
      try bind(number, &name)
    }
    return file
  }

  private static func bind<Name>(_ number: Int32, _ name: inout Name) throws(Errno) {
    try call {
      withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(number, $0, socklen_t(MemoryLayout<Name>.size)) }
      }
    }
  }
}
