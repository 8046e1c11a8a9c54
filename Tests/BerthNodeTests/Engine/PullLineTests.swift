import BerthPlan
import BerthTestSupport
import Testing

@testable import BerthNode

@Suite("the line of pulls")
struct PullLineTests {
  private static let start = Instant(nanoseconds: 1_000_000_000_000)
  private static let later = start + PullLine.patience

  /// Begins all that may.
  private static func begun(_ line: inout PullLine, at now: Instant) -> [Int] {
    var begun: [Int] = []
    while let number = line.begin(now: now) { begun.append(number) }
    return begun
  }

  @Test("those that get on are bounded, and the rest begin as they end, in the order they came")
  func bound() {
    var line = PullLine(limit: 2)
    let numbers = (0..<4).map { _ in line.add(from: "a") }
    #expect(Self.begun(&line, at: Self.start) == Array(numbers[..<2]))
    #expect(Self.begun(&line, at: Self.start + .milliseconds(1)).isEmpty)
    line.remove(numbers[0])
    #expect(Self.begun(&line, at: Self.start + .milliseconds(1)) == [numbers[2]])
  }

  @Test("one that stands still makes place for another registry's, not for one of its own; it counts again once it gets on")
  func still() {
    var line = PullLine(limit: 2)
    let dead = (0..<3).map { _ in line.add(from: "dead") }
    #expect(Self.begun(&line, at: Self.start) == Array(dead[..<2]))
    #expect(line.nextLook == nil, "the registry has its places, and nobody else waits")
    let other = (0..<3).map { _ in line.add(from: "b") }
    #expect(Self.begun(&line, at: Self.start).isEmpty)
    #expect(line.nextLook == Self.later)
    line.moved(dead[0], now: Self.start + .seconds(1))
    #expect(Self.begun(&line, at: Self.later) == [other[0]])
    #expect(line.nextLook == Self.later + .seconds(1))
    line.moved(dead[0], now: Self.later + .milliseconds(1))
    #expect(Self.begun(&line, at: Self.later + .seconds(1)).isEmpty)
    line.remove(dead[0])
    #expect(Self.begun(&line, at: Self.later + .seconds(1)) == [dead[2]], "as many from each: the one that has waited longest")
  }

  @Test("the registry with the fewest under way goes first")
  func fewest() {
    var line = PullLine(limit: 3)
    let first = (0..<3).map { _ in line.add(from: "a") }
    let second = line.add(from: "b")
    #expect(Self.begun(&line, at: Self.start) == [first[0], second, first[1]])
  }

  @Test("dead registries by the dozen hold no more processes than the bound, and nobody's looks are due then")
  func processes() {
    var line = PullLine(limit: 3)
    for number in 0..<40 { for _ in 0..<4 { _ = line.add(from: "dead-\(number)") } }
    var now = Self.start
    var count = 0
    while true {
      count += Self.begun(&line, at: now).count
      guard let next = line.nextLook else { break }
      #expect(next > now)
      now = next
    }
    #expect(count == 3 + PullLine.mostStill)
  }
}
