import BerthCore
import Testing

@Suite("places in a JSON text")
struct JSONPlaceTests {
  @Test(
    "a place has the names and numbers that lead to it, X marks it",
    arguments: [
      ("X", ""), ("{\"a\": X", "a"), ("{\"a\":{\"b\":[1, 2, {\"c\":X}]}}", "a.b[2].c"), ("{\"a\":[1,2],\"b\":X", "b"),
      ("{\"a\":{\"b\":1},X", ""), ("{\"a\":\"}],:{[\\\"\",\"c\":X", "c"), ("[[],[{}],X", "[2]"), ("{\"a\":{X", "a"), ("]}{\"a\":X", "a"),
      ("{\"a\":\"bX", "a"), ("{\"a\\\\\":X", "a\\\\"), ("{\"u\":{\"v\":\"\\uX", "u.v"),
    ])
  func places(text: String, place: String) throws {
    let bytes = Array(text.utf8)
    let offset = try #require(bytes.firstIndex(of: UInt8(ascii: "X")))
    #expect(JSONPlace(of: offset, in: bytes).description == place)
  }

  @Test("no text and no offset traps, and a deep one is told briefly")
  func hostile() {
    let deep = Array(String(repeating: "{\"a\":[", count: 1000).utf8)
    #expect(JSONPlace(of: deep.count, in: deep).description == "a[0].a[0].a[0].a[0]")
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let bytes = (0..<40).map { _ in Array("{}[],:\"\\ax".utf8)[Int.random(in: 0..<10, using: &generator)] }
      for offset in [-1, 0, 17, 40, 99] { _ = JSONPlace(of: offset, in: bytes).description }
    }
  }
}
