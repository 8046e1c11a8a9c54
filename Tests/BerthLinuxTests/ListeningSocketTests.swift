import BerthCore
import Testing

@testable import BerthLinux

@Suite("who listens")
struct ListeningSocketTests {
  @Test(
    "a process that no shim is above is a pod's by its cgroup",
    arguments: [
      ("0::/berth-0a1b2c3d/107a808e-101e-44f0-b3c8-e966944e5269/web", true),
      ("4:memory:/machine/berth-0a1b2c3d/107a808e-101e-44f0-b3c8-e966944e5269/web", true),
      ("0::/berth-0a1b2c3d/shims", false), ("0::/system.slice/nginx.service", false), ("0::/", false),
      ("0::/kubepods/pod107a808e-101e-44f0-b3c8-e966944e5269/web", false), ("0::/other/107a808e-101e-44f0-b3c8-e966944e5269/web", false),
    ])
  func podGroup(line: String, isPod: Bool) { #expect(NodePorts.isPodGroup(line[...]) == isPod) }

  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test("listeners of TCP and bound sockets of UDP, and nothing else, from the kernel's tables")
  func parsing() throws {
    let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    let four =
      heading
      + "   0: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 20117 1 0000000000000000 100 0 0\n"
      + "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 20118 1 0000000000000000 20 4 30\n"
      + "   2: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20119 2 0000000000000000 0\n   3: garbage\n"
    let six =
      "   0: 000080FE00000000FF1F9C0201000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1\n"
    let resolved = try address("127.0.0.53")
    #expect(
      ListeningSocket.parse(Array(four.utf8), .tcp) == [ListeningSocket(transport: .tcp, address: resolved, port: 53, inode: 20117)])
    let any = try address("0.0.0.0")
    #expect(ListeningSocket.parse(Array(four.utf8), .udp) == [ListeningSocket(transport: .udp, address: any, port: 53, inode: 20119)])
    let found = ListeningSocket.parse(Array(six.utf8), .tcp)
    #expect(found.map(\.port) == [443] && found.map(\.inode) == [7])
    #expect(found.first.map { "\($0.address)" } == "fe80::29c:1fff:0:1")
  }

  @Test(
    "in the way are the same address, every one of its family, and what may serve both",
    arguments: [
      ("127.0.0.1", nil, true), ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "0.0.0.0", true), ("127.0.0.1", "10.0.0.1", false),
      ("127.0.0.1", "::", false), ("0.0.0.0", "10.0.0.1", true), ("0.0.0.0", "::1", false), ("::", "10.0.0.1", true),
      ("::1", "0.0.0.0", false), ("::1", nil, true), ("::1", "::", true),
    ] as [(String, String?, Bool)])
  func clash(listener: String, wanted: String?, isInTheWay: Bool) throws {
    let socket = ListeningSocket(transport: .tcp, address: try address(listener), port: 1, inode: 1)
    #expect(socket.isInTheWay(of: try wanted.map { try address($0) }) == isInTheWay)
  }
}
