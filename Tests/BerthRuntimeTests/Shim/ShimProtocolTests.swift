import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthRuntime

@Suite("Shim protocol")
struct ShimProtocolTests {
  /// Of a .hex file: bytes in two digits, blanks between; lines that begin with # are for people.
  static func fixture(_ name: String, version: Int = 1) throws -> [UInt8] {
    let tests = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))
    let text = try Files.readText("\(tests)/Fixtures/shim-protocol/v\(version)/\(name).hex")
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return lines.flatMap { $0.split(separator: " ") }.compactMap { UInt8($0, radix: 16) }
  }

  @Test(
    "every message of version 1 has exactly the bytes of its fixture, and they are read back",
    arguments: ShimProtocolFixtures.messages.map(\.name))
  func fixtures(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages.first { $0.name == name }?.message)
    let id: UInt32 = if case .event = message { 0 } else { 0x0102_0304 }
    let bytes = try Self.fixture(name)
    #expect(message.encoded(id: id) == bytes)
    #expect(try message.decoded(bytes) == message)
    #expect(ShimHeader(bytes) == ShimHeader(version: 1, type: bytes[1], id: id))
  }

  @Test("every message of version 2 has exactly the bytes of its fixture", arguments: ShimProtocolFixtures.messages2.map(\.name))
  func fixtures2(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages2.first { $0.name == name }?.message)
    let bytes = try Self.fixture(name, version: 2)
    #expect(message.encoded(id: 0x0102_0304) == bytes)
    #expect(try message.decoded(bytes) == message)
    // The kind's own first version: a start is known to all.
    #expect(ShimHeader(bytes) == ShimHeader(version: bytes[1] < 0x10 ? 1 : 2, type: bytes[1], id: 0x0102_0304))
  }

  @Test("every message of version 3 has exactly the bytes of its fixture", arguments: ShimProtocolFixtures.messages3.map(\.name))
  func fixtures3(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages3.first { $0.name == name }?.message)
    let bytes = try Self.fixture(name, version: 3)
    #expect(message.encoded(id: 0x0102_0304) == bytes)
    #expect(try message.decoded(bytes) == message)
    #expect(ShimHeader(bytes) == ShimHeader(version: 3, type: bytes[1], id: 0x0102_0304))
    for count in ShimProtocol.headerSize..<bytes.count {
      #expect(throws: ByteReaderError.self) { try message.decoded(Array(bytes[..<count])) }
    }
  }

  @Test("every message of version 4 has exactly the bytes of its fixture", arguments: ShimProtocolFixtures.messages4.map(\.name))
  func fixtures4(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages4.first { $0.name == name }?.message)
    let bytes = try Self.fixture(name, version: 4)
    #expect(message.encoded(id: 0x0102_0304) == bytes)
    #expect(try message.decoded(bytes) == message)
    #expect(ShimHeader(bytes) == ShimHeader(version: 4, type: bytes[1], id: 0x0102_0304))
    for count in ShimProtocol.headerSize..<bytes.count {
      #expect(throws: ByteReaderError.self) { try message.decoded(Array(bytes[..<count])) }
    }
  }

  @Test("every message of version 5 has exactly the bytes of its fixture", arguments: ShimProtocolFixtures.messages5.map(\.name))
  func fixtures5(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages5.first { $0.name == name }?.message)
    let bytes = try Self.fixture(name, version: 5)
    let id: UInt32 = if case .event = message { 0 } else { 0x0102_0304 }
    #expect(message.encoded(id: id) == bytes)
    #expect(try message.decoded(bytes) == message)
    // The event is one that every version has.
    #expect(ShimHeader(bytes) == ShimHeader(version: id == 0 ? 1 : 5, type: bytes[1], id: id))
    for count in ShimProtocol.headerSize..<bytes.count {
      #expect(throws: ByteReaderError.self) { try message.decoded(Array(bytes[..<count])) }
    }
  }

  @Test("every message of a session has exactly the bytes of its fixture", arguments: ShimProtocolFixtures.sessionMessages.map(\.name))
  func sessionFixtures(name: String) throws {
    let message = try #require(ShimProtocolFixtures.sessionMessages.first { $0.name == name }?.message)
    let bytes = try Self.fixture(name, version: 2)
    #expect(message.encoded() == bytes)
    #expect(try SessionMessage(packet: bytes) == message)
    for count in ShimProtocol.headerSize..<bytes.count {
      #expect(throws: ByteReaderError.self) { try SessionMessage(packet: Array(bytes[..<count])) }
    }
  }

  @Test("an exec request is read back from its JSON, and nonsense is refused with the member's name")
  func execRequest() throws {
    let exec = ShimProtocolFixtures.exec
    #expect(try ExecRequest(parsing: exec.json().encoded()) == exec)
    for (member, value) in [
      ("arguments", JSON.array([])), ("environment", ["NOVALUE"]), ("working_directory", "relative"), ("version", 9), ("user", 7),
    ] {
      var json = try #require(exec.json().object)
      json[member] = value
      let error = #expect(throws: BerthError.self) { try ExecRequest(parsing: JSON.object(json).encoded()) }
      #expect(error.map { "\($0)".contains(member) } == true, "\(member)")
    }
  }

  @Test("fields that a later version appends to a message are passed over", arguments: ShimProtocolFixtures.messages.map(\.name))
  func appendedFields(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages.first { $0.name == name }?.message)
    var bytes = message.encoded(id: 1)
    let length = bytes[6...9].enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << UInt32($1.offset * 8) }
    // The first is where a field that may be left out would stand, with its default.
    bytes.append(contentsOf: [0, 2, 3])
    bytes[6] = UInt8(truncatingIfNeeded: length + 3)
    bytes[7] = UInt8(truncatingIfNeeded: (length + 3) >> 8)
    #expect(try message.decoded(bytes) == message)
  }

  @Test("a message cut anywhere is refused", arguments: ShimProtocolFixtures.messages.map(\.name))
  func truncated(name: String) throws {
    let message = try #require(ShimProtocolFixtures.messages.first { $0.name == name }?.message)
    let bytes = message.encoded(id: 1)
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      if ShimHeader(cut) == nil { continue }
      #expect(throws: ByteReaderError.self) { try message.decoded(cut) }
    }
  }

  @Test("unknown message types are told apart from broken messages")
  func unknownType() throws {
    let packet = ShimHeader(type: 0x3F, id: 9).packet { _ in }
    let header = try #require(ShimHeader(packet))
    #expect(try ShimRequest(header, packet: packet) == nil)
    #expect(try ShimReply(header, packet: packet) == nil)
    #expect(try ShimEvent(header, packet: packet) == nil)
  }

  @Test("hostile counts, lengths and names are refused")
  func hostileValues() throws {
    let counts = ShimHeader(type: 0x84, id: 1).packet { body in
      body.bool(true)
      body.integer(UInt32.max)
    }
    #expect(throws: ByteReaderError.self) { try ShimProtocolFixtures.Message.reply(.ok).decoded(counts) }
    for name in ["", "../x", "shm", "UPPER", "a/b", String(repeating: "a", count: 64)] {
      var start = ShimProtocolFixtures.start
      start.name = name
      let packet = ShimRequest.start(start).encoded(id: 1)
      #expect(throws: ByteReaderError.self, "\(name)") { try ShimProtocolFixtures.Message.request(.state).decoded(packet) }
    }
  }

  @Test("random changes to valid messages never trap")
  func mutations() {
    var random = SeededGenerator(seed: 42)
    var read = 0
    for round in 0..<60_000 {
      let message = ShimProtocolFixtures.messages[round % ShimProtocolFixtures.messages.count].message
      var bytes = message.encoded(id: 7)
      for _ in 0...random.next() % 4 {
        switch random.next() % 3 {
        case 0: bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.removeLast(min(bytes.count - 1, Int(random.next() % 8)))
        default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count)))
        }
      }
      if (try? message.decoded(bytes)) != nil { read += 1 }
    }
    #expect(read < 60_000)
  }

  @Test("error texts longer than the wire allows are cut, not refused")
  func longError() throws {
    let error = BerthError(.bug, "x", "y", cause: String(repeating: "ä", count: 5000))
    let packet = ShimReply.error(error).encoded(id: 1)
    guard case .reply(.error(let read)) = try ShimProtocolFixtures.Message.reply(.ok).decoded(packet) else {
      Issue.record("not an error")
      return
    }
    #expect(read.cause.hasPrefix("äää") && read.cause.utf8.count <= 4096)
  }

  @Test("every error code keeps its number")
  func errorCodes() throws {
    for code in ErrorCode.allCases {
      let packet = ShimReply.error(BerthError(code, "o", "s", cause: "c")).encoded(id: 1)
      #expect(try ShimProtocolFixtures.Message.reply(.ok).decoded(packet) == .reply(.error(BerthError(code, "o", "s", cause: "c"))))
    }
  }

  @Test("records on disk are read back, and only their own version")
  func records() throws {
    for record in [ShimProtocolFixtures.exitByCode, ShimProtocolFixtures.exitBySignal, ShimProtocolFixtures.exitUnknown] {
      let json = try JSON(parsing: record.json.encoded())
      #expect(ExitRecord(json) == record)
    }
    let initRecord = ShimProtocolFixtures.initRecord
    #expect(InitRecord(try JSON(parsing: initRecord.json.encoded())) == initRecord)
    var later = try #require(initRecord.json.object)
    later["version"] = 2
    #expect(InitRecord(.object(later)) == nil)
  }
}
