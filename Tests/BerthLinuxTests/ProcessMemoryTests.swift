import BerthCore
import Testing

@testable import BerthLinux

@Suite("memory of the process")
struct ProcessMemoryTests {
  @Test(
    "of the mappings only code that is a file's is given back",
    arguments: [
      ("55d0a000-55d0c000 r-xp 0000a000 fe:01 1234 /usr/bin/berthd", 0x55d0_a000..<0x55d0_c000),
      ("55d0a000-55d0c000 r-xp 0000a000 fe:01 1234 /usr/bin/a name", 0x55d0_a000..<0x55d0_c000),
      ("55d0a000-55d0c000 rw-p 0000a000 fe:01 1234 /usr/bin/berthd", nil), ("55d0a000-55d0c000 r-xp 00000000 00:00 0 [vdso]", nil),
      ("55d0a000-55d0c000 rwxp 0000a000 fe:01 1234 /usr/bin/berthd", nil), ("55d0a000-55d0c000 r-xp 00000000 00:00 0", nil),
      ("55d0c000-55d0a000 r-xp 0000a000 fe:01 1234 /usr/bin/berthd", nil), ("", nil),
    ] as [(String, Range<UInt>?)])
  func lines(line: String, range: Range<UInt>?) { #expect(ProcessMemory.codeRange(line[...]) == range) }

  @Test("a process that gave back what it could goes on")
  func goesOn() {
    let text = String(repeating: "abc", count: 100_000)
    ProcessMemory.giveBack()
    #expect(text.utf8.count == 300_000 && text.hasSuffix("abc"))
  }
}
