import BerthCore
import BerthLinux
import Testing

@testable import BerthImages

@Suite("which pull unpacks a layer")
struct LayerClaimsTests {
  private var claims = LayerClaims()
  private let layers = ["a", "b", "c"].map { Digest.sha256(of: Array($0.utf8)) }
  private func time(_ seconds: Int64) -> BootTime { BootTime(nanoseconds: seconds * 1_000_000_000) }

  @Test("pulls that share no layer don't wait; one that shares a layer waits until the other has ended, as long as that gets on")
  mutating func gettingOn() {
    #expect(claims.take([layers[0], layers[1]], for: "first", now: time(0)) == nil)
    #expect(claims.take([layers[2]], for: "other", now: time(0)) == nil)
    #expect(claims.take([layers[1]], for: "second", now: time(1)) == time(5))
    claims.move("first", by: 1 << 20, now: time(4), isLast: false)
    #expect(claims.take([layers[1]], for: "second", now: time(6)) == time(9))
    claims.drop("first")
    #expect(claims.take([layers[1]], for: "second", now: time(6)) == nil)
  }

  @Test("one that stands still gives up what another wants and keeps the rest; it takes nothing back")
  mutating func standingStill() {
    #expect(claims.take([layers[0], layers[1]], for: "first", now: time(0)) == nil)
    #expect(claims.take([layers[1]], for: "second", now: time(5)) == nil)
    claims.move("first", by: 1 << 20, now: time(6), isLast: false)
    #expect(claims.take([layers[1]], for: "third", now: time(7)) == time(10))
    #expect(claims.take([layers[0]], for: "fourth", now: time(7)) == time(11))
    claims.drop("first")
    #expect(claims.take([layers[1]], for: "third", now: time(8)) == time(10))
  }

  @Test("one whose bytes drip stands still, however often some come")
  mutating func dripping() {
    #expect(claims.take([layers[0]], for: "first", now: time(0)) == nil)
    for second in 1...4 as ClosedRange<Int64> { claims.move("first", by: 50, now: time(second), isLast: false) }
    #expect(claims.take([layers[0]], for: "second", now: time(4)) == time(5))
    #expect(claims.take([layers[0]], for: "second", now: time(5)) == nil)
    // What comes in small pieces and is enough together counts.
    for _ in 0..<10 { claims.move("second", by: 1024, now: time(9), isLast: false) }
    #expect(claims.take([layers[0]], for: "third", now: time(11)) == time(14))
  }

  @Test("one whose bytes have all come keeps its layers, however long the disk takes")
  mutating func waitingForTheDisk() {
    #expect(claims.take([layers[0]], for: "first", now: time(0)) == nil)
    claims.move("first", by: 1 << 20, now: time(1), isLast: true)
    #expect(claims.take([layers[0]], for: "second", now: time(1000)) == BootTime(nanoseconds: .max))
    claims.drop("first")
    #expect(claims.take([layers[0]], for: "second", now: time(1000)) == nil)
  }
}
