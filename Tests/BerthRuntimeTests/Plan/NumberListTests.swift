import Testing

@testable import BerthRuntime

@Suite("lists of CPUs and NUMA nodes")
struct NumberListTests {
  @Test(
    "become one bit a number, in whole words",
    arguments: [("", []), ("0", [1]), ("0-3,7", [0x8f]), ("1, 2", [6]), ("64", [0, 1]), ("63-64", [1 << 63, 1])] as [(String, [UInt64])])
  func masks(text: String, words: [UInt64]) {
    let bytes = words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
    #expect(NumberList.mask(text) == bytes)
  }

  @Test("what is no list is none", arguments: ["a", "1-", "-1", "3-1", "1-2-3", "8192", "99999999999999999999", "0-1000000000"])
  func refused(text: String) { #expect(NumberList.mask(text) == nil) }
}
