import BerthLinux

/// Adding published ports to the kernel's maps and taking them out. Source: linux/netfilter/nf_tables.h.
enum PortElements {
  private static let subsystem: UInt16 = 10
  private static let add: UInt16 = 12
  private static let delete: UInt16 = 14
  private static let inet: UInt8 = 1

  /// All of them or none. One that is there already with the same value is fine; EEXIST for another value, ENOENT without the table.
  static func add(_ elements: [PortElement], to table: String, _ socket: NetlinkSocket) throws(Errno) {
    try socket.batch(messages(elements, table, type: add, flags: .create, withValue: true), subsystem: subsystem)
  }

  /// What isn't there any more is fine.
  static func remove(_ elements: [PortElement], from table: String, _ socket: NetlinkSocket) throws(Errno) {
    // One by one: an element that is gone must not keep the others.
    for element in elements {
      do throws(Errno) {
        try socket.batch(messages([element], table, type: delete, flags: [], withValue: false), subsystem: subsystem)
      } catch { if error != .notFound { throw error } }
    }
  }

  private static func messages(
    _ elements: [PortElement], _ table: String, type: UInt16, flags: NetlinkMessage.Flags, withValue: Bool
  ) -> [NetlinkMessage] {
    PortMap.allCases.flatMap { map -> [NetlinkMessage] in
      let own = elements.filter { $0.map == map }
      // An attribute's length has 16 bits.
      return stride(from: 0, to: own.count, by: 256).map { start in
        var message = NetlinkMessage(type: subsystem << 8 | type, flags: flags, header: [inet, 0, 0, 0])
        message.attribute(1, text: table)
        message.attribute(2, text: map.rawValue)
        message.nested(3) { list in
          for element in own[start..<min(start + 256, own.count)] {
            list.nested(1) { item in
              item.nested(1) { $0.attribute(1, element.key) }
              if withValue { item.nested(2) { $0.attribute(1, element.value) } }
            }
          }
        }
        return message
      }
    }
  }
}
