import BerthCore
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
  private func text(_ json: JSON) -> String { String(decoding: json.encoded(), as: UTF8.self) }

  @Test("compact text keeps the order of members")
  func compact() {
    #expect(text(["b": 1, "a": [true, .null, .double(0.5), "x"]]) == #"{"b":1,"a":[true,null,0.5,"x"]}"#)
    #expect(text([]) == "[]")
    #expect(text([:]) == "{}")
    #expect(text(.unsigned(.max)) == "18446744073709551615")
    #expect(text(.double(.nan)) == "null")
    #expect(text(.double(-.infinity)) == "null")
  }

  @Test("quotes, backslashes and control characters are escaped, the rest is left as it is")
  func escapes() throws {
    #expect(text("a\"b\\c\n\r\t\u{1}\u{1F}\u{7F}/é😀") == #""a\"b\\c\n\r\t\u0001\u001f\u007f/é😀""#)
    #expect(text("") == "\"\"")
    #expect(text("\"") == #""\"""#)
    let all = String(String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar($0) }))
    #expect(try JSON(parsing: JSON.string(all).encoded()) == .string(all))
  }

  @Test("text for people is indented by two")
  func pretty() {
    #expect(JSON(dictionaryLiteral: ("a", [1, [:]]), ("b", [])).pretty() == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}")
  }

  @Test("equal values have one canonical text, whatever the order of members, and the order is that of bytes")
  func canonical() {
    let first: JSON = ["b": ["y": 1, "x": 2], "a": 1, "B": 0, "é": 0, "z": 0]
    let second: JSON = ["é": 0, "z": 0, "a": 1, "B": 0, "b": ["x": 2, "y": 1]]
    #expect(first == second)
    #expect(first.canonical() == second.canonical())
    #expect(String(decoding: first.canonical(), as: UTF8.self) == #"{"B":0,"a":1,"b":{"x":2,"y":1},"z":0,"é":0}"#)
  }

  @Test(
    "numbers come back exactly",
    arguments: [
      0.1, 1e300, .leastNonzeroMagnitude, -1.5, 123_456_789.123, 1e16, 0x1p-1022, .greatestFiniteMagnitude,
    ])
  func doubles(number: Double) throws {
    #expect(try JSON(parsing: JSON.double(number).encoded()) == .double(number))
  }
}

@Suite("JSON objects")
struct JSONObjectTests {
  @Test("members keep their order, are replaced in place, and nil removes")
  func members() {
    var object: JSONObject = ["a": 1, "b": 2, "c": 3]
    object["b"] = 5
    object["d"] = nil
    #expect(object.map(\.key) == ["a", "b", "c"])
    object["a"] = nil
    #expect(object.map(\.key) == ["b", "c"])
    #expect(object["b"] == 5 && object["a"] == nil && object.count == 2)
  }

  @Test("large objects behave like small ones")
  func large() {
    var object = JSONObject()
    for number in 0..<100 { object["k\(number)"] = .integer(number) }
    object["k3"] = nil
    object["k50"] = "x"
    #expect(object.count == 99)
    #expect(object["k3"] == nil && object["k50"] == "x" && object["k99"] == 99)
    for number in 10..<100 { object["k\(number)"] = nil }
    #expect(object.map(\.key) == ["k0", "k1", "k2", "k4", "k5", "k6", "k7", "k8", "k9"])
    #expect(object["k9"] == 9)
    object["k3"] = 3
    #expect(object["k3"] == 3)
  }

  @Test("equal objects have equal hashes in any order")
  func hashing() {
    let first: JSON = ["a": 1, "b": [2]]
    let second: JSON = ["b": [2], "a": 1]
    #expect(Set([first, second]).count == 1)
    #expect(first != ["a": 1] && first != ["a": 1, "b": [3]] && first != ["a": 1, "c": [2]])
  }

  @Test("accessors give the value of their type and nothing else")
  func accessors() {
    #expect(JSON.integer(-1).unsigned == nil)
    #expect(JSON.integer(5).unsigned == 5)
    #expect(JSON.unsigned(.max).integer == nil)
    #expect(JSON.double(1).integer == nil)
    #expect(JSON.integer(2).double == 2)
    #expect(JSON.string("1").integer == nil && JSON.null.isNull && JSON.optional(String?.none).isNull)
    #expect((["a": ["b": true]] as JSON)["a"]?["b"]?.bool == true)
    #expect(JSON.strings(["b": "1", "a": "2"]).object?.map(\.key) == ["a", "b"])
  }
}
