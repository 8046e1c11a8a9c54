import BerthCore
import Testing

@Suite("base64")
struct Base64TextTests {
  @Test("encoding and decoding are each other's reverse", arguments: 0..<20)
  func roundTrip(_ count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 97) }
    #expect(Base64Text.decode(Base64Text.encode(bytes)) == bytes)
  }

  @Test(
    "what is no base64 is nil",
    arguments: ["a", "ab", "abc", "ab=c", "====", "a===", "ab==ab==", "ab=", "a\u{e9}bc", "abc=d", "ab===", "-_-_"])
  func refused(_ text: String) { #expect(Base64Text.decode(text) == nil, "\(text)") }

  @Test("line ends don't count")
  func lines() { #expect(Base64Text.decode("Zm\n9v\r\n") == Array("foo".utf8)) }
}
