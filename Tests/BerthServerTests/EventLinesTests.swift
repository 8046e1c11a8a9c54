import BerthCore
import BerthNode
import Testing

@testable import BerthServer

@Suite("the lines of the event log")
struct EventLinesTests {
  private static func log(_ count: Int, capacity: Int = 4096) -> EventLog {
    let log = EventLog(capacity: capacity) { Timestamp(nanoseconds: 0) }
    for number in 0..<count { log.record("Test", "\(number)") }
    return log
  }

  @Test("all that the log has, each once and in order, then their end", arguments: [0, 1, 63, 64, 65, 200])
  func past(count: Int) async {
    var seen: [String?] = []
    for await line in EventLines(Self.log(count), coming: nil).stream { seen.append(line["message"]?.string) }
    #expect(seen == (0..<count).map { "\($0)" })
  }

  @Test("what comes while the past is read is told once; what the log has dropped meanwhile is left out")
  func coming() async {
    let log = Self.log(100, capacity: 400)
    var lines = EventLines(log, coming: log.follow().coming).stream.makeAsyncIterator()
    #expect(await lines.next()?["message"]?.string == "0")
    for number in 100..<1000 { log.record("Test", "\(number)") }
    var seen: [Int] = []
    while seen.last != 999, let line = await lines.next() { seen.append(Int(line["message"]?.string ?? "") ?? -1) }
    #expect(seen.first == 1 && seen == Array(Set(seen)).sorted(), "each once, in order")
    #expect(seen.suffix(400) == Array(600..<1000)[...])
    log.record("Test", "1000")
    #expect(await lines.next()?["message"]?.string == "1000")
  }
}
