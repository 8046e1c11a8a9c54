import BerthCore

/// A socket that waits for others on a port of this network namespace.
public struct ListeningSocket: Sendable, Hashable {
  public enum Transport: String, Sendable, CaseIterable { case tcp, udp }
  public var transport: Transport
  public var address: IPAddress
  public var port: UInt16
  public var inode: UInt64

  /// Whether nobody else can have the port on `wanted` (nil: on every address of both families). A socket on `::` may serve IPv4 as well,
  /// which can't be seen: it counts as one that does.
  func isInTheWay(of wanted: IPAddress?) -> Bool {
    guard let wanted else { return true }
    if address.isUnspecified, address.isIPv6 { return true }
    return wanted.isIPv6 == address.isIPv6 && (wanted == address || wanted.isUnspecified || address.isUnspecified)
  }

  /// Those of this process's network namespace; what can't be read holds none.
  public static func all() -> [ListeningSocket] {
    Transport.allCases.flatMap { transport in
      ["", "6"].flatMap { suffix -> [ListeningSocket] in
        guard let file = try? Files.open("/proc/self/net/\(transport.rawValue)\(suffix)", FileFlags.read) else { return [] }
        return read(file, transport)
      }
    }
  }

  /// TCP's listeners come first: what follows, a busy node's connections, isn't read.
  private static func read(_ file: borrowing FD, _ transport: Transport) -> [ListeningSocket] {
    var text: [UInt8] = []
    while let chunk = try? file.read(upTo: 64 << 10), !chunk.isEmpty {
      text += chunk
      if transport == .tcp, let last = lines(chunk).last(where: { $0.count > 3 }), last[3].elementsEqual("01".utf8) { break }
    }
    return parse(text, transport)
  }

  private static func lines(_ text: [UInt8]) -> [[ArraySlice<UInt8>]] { text.split(separator: 10).map { $0.split(separator: 32) } }

  /// Source: the kernel's Documentation/networking/proc_net_tcp.rst. Lines `SLOT: ADDRESS:PORT ADDRESS:PORT STATE … INODE` in hexadecimal;
  /// an address is words of 32 bits as this machine has them in memory.
  static func parse(_ text: [UInt8], _ transport: Transport) -> [ListeningSocket] {
    // Of UDP: bound and connected to nobody, which the kernel calls closed.
    let state = transport == .tcp ? "0A" : "07"
    return lines(text).compactMap { fields in
      guard fields.count > 9, fields[3].elementsEqual(state.utf8), let inode = UInt64(String(decoding: fields[9], as: UTF8.self)) else {
        return nil
      }
      let local = fields[1].split(separator: 58)
      guard local.count == 2, let port = UInt16(String(decoding: local[1], as: UTF8.self), radix: 16),
        let address = address(String(decoding: local[0], as: UTF8.self))
      else { return nil }
      return ListeningSocket(transport: transport, address: address, port: port, inode: inode)
    }
  }

  private static func address(_ text: String) -> IPAddress? {
    var bytes: [UInt8] = []
    var rest = Substring(text)
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      withUnsafeBytes(of: word) { bytes += $0 }
      rest = rest.dropFirst(8)
    }
    return IPAddress(bytes: bytes)
  }
}
