import Testing

@testable import berth

@Suite("text of containers on the operator's terminal")
struct TerminalTests {
  @Test(
    "A43: what could drive a terminal is shown, not sent",
    arguments: [
      ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
      // CSI and OSC of eight bits.
      ("\u{9b}31m\u{9d}52;c;x\u{9c}", "\\u{9b}31m\\u{9d}52;c;x\\u{9c}"),
      ("a\0b\u{7f}\u{8}", "a\\u{0}b\\u{7f}\\u{8}"), ("over\rwritten", "over\\u{d}written"), ("two\nlines", "two\\u{a}lines"),
      ("columns\tand blanks", "columns\tand blanks"), ("größe 尺寸 🙂", "größe 尺寸 🙂"), ("", ""),
    ])
  func hostile(_ text: String, _ shown: String) { #expect(Terminal.clean(text) == shown) }

  @Test("A43: bytes that are no text are replaced, and so is what they hide")
  func bytes() {
    let text = String(decoding: [0xc2, 0x9b, 0xff, 0x1b, 0x5b, 0x41] as [UInt8], as: UTF8.self)
    #expect(Terminal.clean(text) == "\\u{9b}\u{fffd}\\u{1b}[A")
  }
}
