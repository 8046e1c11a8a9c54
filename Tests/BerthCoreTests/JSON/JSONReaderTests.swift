import BerthTestSupport
import Testing

@testable import BerthCore

@Suite("Reading JSON")
struct JSONReaderTests {
  @Test(
    "a text means its value",
    arguments: [
      ("null", .null), (" true ", true), ("false", false), ("0", 0), ("-0", 0), ("-12", -12), ("9223372036854775807", .integer(Int64.max)),
      ("-9223372036854775808", .integer(Int64.min)), ("18446744073709551615", .unsigned(.max)), ("1.5", .double(1.5)),
      ("1e2", .double(100)),
      ("-1.25E-2", .double(-0.0125)), ("1.0", .double(1)), ("\"\"", ""), ("[]", []), ("{}", [:]),
      ("[1,[2,{\"a\":null}]]", [1, [2, ["a": .null]]]),
      ("\n\t\r {\"b\" : 1 ,\"a\":2}", ["a": 2, "b": 1]), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
      (#""\u00e9\ud83d\uDE00""#, "é😀"), ("\"é😀\u{7F}\"", .string("é😀\u{7F}")), (#""\u0000""#, "\0"),
    ] as [(String, JSON)])
  func values(text: String, expected: JSON) throws {
    #expect(try JSON(parsing: text) == expected)
  }

  @Test(
    "B06: anything else is refused, where it goes wrong",
    arguments: [
      ("", 0), (" ", 1), ("nul", 0), ("truex", 4), ("01", 1), ("+1", 0), (".5", 0), ("1.", 2), ("1e", 2), ("1e+", 3), ("-", 1), ("- 1", 1),
      ("18446744073709551616", 0), ("1e400", 0), ("-9223372036854775809", 0), ("NaN", 0), ("\"", 0), ("\"a", 0), ("\"\n\"", 1),
      ("\"\\x\"", 1),
      ("\"\\u12\"", 3), ("\"\\u12g4\"", 3), ("\"\\ud800\"", 7), ("\"\\udc00\"", 7), ("\"\\ud800\\u0041\"", 13), ("\"\\", 1), ("\"\\u", 3),
      ("[", 1),
      ("[1", 2), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("{", 1), ("{\"a\"}", 4), ("{\"a\":}", 5), ("{\"a\":1,}", 7), ("{a:1}", 1),
      ("{\"a\":1,\"a\":2}", 7), ("1 2", 2), ("[]]", 2), ("// x", 0), ("'a'", 0), ("\u{FEFF}1", 0), ("\0", 0), ("1\0", 1),
    ])
  func refused(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
    #expect(error?.offset == offset, "\(text): \(error?.description ?? "")")
  }

  @Test(
    "bytes that are no UTF-8 are refused",
    arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    #expect(throws: JSONError(message: "invalid UTF-8", offset: 0)) { try JSON(parsing: [34] + bytes + [34]) }
    #expect(throws: JSONError.self) { try JSON(parsing: bytes) }
  }

  @Test("B06: size, depth and the number of values are bounded")
  func limits() throws {
    let deep = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
    #expect(throws: Never.self) { try JSON(parsing: deep(65)) }
    #expect(throws: JSONError(message: "nested deeper than 64", offset: 65)) { try JSON(parsing: deep(66)) }
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 100_000)) }
    #expect(throws: JSONError(message: "larger than 10 bytes", offset: 10)) {
      try JSON(parsing: "12345678901", limits: JSONLimits(bytes: 10))
    }
    #expect(throws: Never.self) { try JSON(parsing: "[1,2]", limits: JSONLimits(bytes: 10, values: 3)) }
    #expect(throws: JSONError(message: "more than 3 values", offset: 5)) {
      try JSON(parsing: "[1,2,3]", limits: JSONLimits(bytes: 10, values: 3))
    }
  }

  @Test("objects with very many keys cost no more than their size, and a duplicate among them is found")
  func manyKeys() throws {
    let members = (0..<30_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    let object = try #require(try JSON(parsing: "{\(members)}").object)
    #expect(object.count == 30_000)
    #expect(object["k29999"] == 29_999)
    #expect(throws: JSONError.self) { try JSON(parsing: "{\(members),\"k7\":1}") }
  }

  @Test("random edits of a valid text never crash the reader, and what it reads it can write and read again")
  func mutations() throws {
    let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null,"c":[true,false]}],"d":18446744073709551615,"é":"\ud83d\ude00"}"#.utf8)
    let alphabet = Array(#"{}[]",:\u0eE+-.19tfn "#.utf8) + [0, 10, 0x80, 0xC3, 0xFF]
    var random = SeededGenerator(seed: 7)
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = alphabet.randomElement(using: &random) ?? 0
        case 1 where bytes.count > 1: bytes.remove(at: at)
        default: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: at)
        }
      }
      if let value = try? JSON(parsing: bytes) { #expect(try JSON(parsing: value.encoded()) == value) }
    }
  }
}
