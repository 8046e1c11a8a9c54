import BerthLinux
import Glibc

/// A program of the node that listens on a TCP port, until it goes.
public struct Listener: ~Copyable {
  private let file: FD

  public init(_ address: String, _ port: UInt16) throws {
    let file = FD(owning: try call { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &name.sin_addr)
    let number = file.raw
    try call {
      withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    }
    try call { listen(number, 5) }
    self.file = file
  }
}
