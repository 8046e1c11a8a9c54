import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthPods

@Suite("ranges of ids that pods have to themselves")
struct IDRangeClaimsTests {
  @Test("each pod gets another range, a claim outlives whoever made it, and what was given back is used again")
  func disjoint() throws {
    let scratch = try TemporaryDirectory()
    let claims = IDRangeClaims(folder: "\(scratch.path)/id-ranges")
    let first = try claims.claim(for: "a")
    let second = try IDRangeClaims(folder: claims.folder).claim(for: "b")
    #expect(first >= 524_288 && first % 65_536 == 0 && second >= first + 65_536)
    #expect(claims.owners == ["a", "b"])
    claims.release("a")
    #expect(claims.owners == ["b"])
    #expect(try claims.claim(for: "c") == first)
  }

  @Test("ranges of subuid and of namespaces that live are read; lines that are none say nothing")
  func foreign() {
    let text = "root:100000:65536\n# note\nx:1\nbad:a:b\nall:4294967295:4294967295\nnone:5:0\n"
    #expect(IDRangeClaims.subordinate(text) == [100_000..<165_536, 4_294_967_295..<8_589_934_590])
    #expect(
      IDRangeClaims.mapped("         0     524288      65536\n     65536       1000          1\n") == [524_288..<589_824, 1_000..<1_001])
    #expect(IDRangeClaims.mapped("         0          0 4294967295\n") == [])
  }

  @Test(
    "a range that somebody has a part of isn't free", arguments: [(589_823 as UInt64, false), (589_824, true), (524_287, true)])
  func overlap(taken: UInt64, free: Bool) {
    #expect(IDRangeClaims.isFree(524_288, [taken..<taken + 1]) == free)
  }
}
