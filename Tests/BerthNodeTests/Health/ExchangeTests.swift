import BerthLinux
import BerthManifest
import BerthPlan
import Glibc
import Testing

@testable import BerthNode

@Suite("a probe's exchange with a server")
struct ExchangeTests {
  /// A socket that listens on a port of loopback which the kernel chose.
  private func listen(_ port: inout UInt16) throws -> FD {
    let file = FD(owning: try call { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
    let number = file.raw
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &name) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        try call { bind(number, address, size) }
        try call { Glibc.listen(number, 1) }
        try call { getsockname(number, address, &size) }
      }
    }
    port = UInt16(bigEndian: name.sin_port)
    return file
  }

  @Test("one that goes on and on gets a turn like all others, and no more")
  func endless() throws {
    var port: UInt16 = 0
    let listening = try listen(&port)
    let hopper = try NetworkNamespaceHopper()
    let deadline = Instant(nanoseconds: Clock.bootNanoseconds()) + .seconds(60)
    let exchange = ProbeExchange(.httpGet(HTTPGet(port: port)), networkOf: nil, deadline: deadline) { _ in }
    _ = exchange.connect(hopper)
    let accepting = listening.raw
    let server = FD(owning: try call { accept(accepting, nil, nil) })
    try server.setNonBlocking()
    // Whole interim answers, as many as lie between the two.
    var flood = Array(repeating: Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), count: 1 << 19).flatMap { $0 }[...]
    while case let count = try TCPSocket.send(flood, over: server), count > 0 { flood = flood.dropFirst(count) }
    #expect(!flood.isEmpty)
    guard case .waiting = exchange.advance(hopper) else {
      Issue.record("it is over")
      return
    }
    let descriptor = try #require(exchange.descriptor)
    #expect(try Descriptors.waitReadable([descriptor], timeout: .zero) == [descriptor], "it has read all that there was")
  }
}
