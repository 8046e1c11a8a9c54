import BerthCore
import Testing

struct ByteFieldsTests {
  @Test(
    "fields are taken up to the last separator; what is empty between two counts, and nothing behind the last",
    arguments: [
      ("", []), ("a", ["a"]), ("a:", ["a"]), (":a", ["", "a"]), ("ab::c", ["ab", "", "c"]), (":", [""]), ("::", ["", ""]),
    ] as [(String, [String])])
  func fields(text: String, expected: [String]) {
    var rest = Array("x\(text)".utf8).dropFirst()
    var fields: [String] = []
    while let field = rest.popField(UInt8(ascii: ":")) { fields.append(String(decoding: field, as: UTF8.self)) }
    #expect(fields == expected)
  }
}
