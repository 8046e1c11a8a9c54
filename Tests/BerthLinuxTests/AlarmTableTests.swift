import BerthCore
import BerthTestSupport
import Synchronization
import Testing

@testable import BerthLinux

@Suite("alarms")
struct AlarmTableTests {
  private final class Log: Sendable {
    let names = Mutex<[Int]>([])
    func note(_ name: Int) -> @Sendable () -> Void { { self.names.withLock { $0.append(name) } } }
    func take() -> [Int] {
      names.withLock { names in
        defer { names = [] }
        return names
      }
    }
  }

  @Test("go off in the order of their times, each once, and not when called off")
  func order() {
    var table = AlarmTable()
    let log = Log()
    let numbers = [30, 10, 20].map { table.add(BootTime(nanoseconds: Int64($0)), log.note($0)) }
    #expect(table.earliest == BootTime(nanoseconds: 10))
    table.remove(numbers[1])
    #expect(table.earliest == BootTime(nanoseconds: 20))
    for body in table.takeDue(BootTime(nanoseconds: 25)) { body() }
    #expect(log.take() == [20])
    for body in table.takeDue(BootTime(nanoseconds: 1000)) { body() }
    #expect(log.take() == [30])
    #expect(table.earliest == nil)
    // One that went off already.
    table.remove(numbers[0])
    #expect(table.takeDue(BootTime(nanoseconds: 2000)).isEmpty)
  }

  @Test("do as a list would that is searched from end to end", arguments: 0..<20 as Range<UInt64>)
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = AlarmTable()
    let log = Log()
    var model: [UInt64: (due: Int64, name: Int)] = [:]
    var now: Int64 = 0
    for name in 0..<2000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<6:
        let due = now + Int64.random(in: 0..<500, using: &random)
        model[table.add(BootTime(nanoseconds: due), log.note(name))] = (due, name)
      case 6..<9:
        guard let number = model.keys.sorted().randomElement(using: &random) else { continue }
        model[number] = nil
        table.remove(number)
      default:
        now += Int64.random(in: 0..<200, using: &random)
        for body in table.takeDue(BootTime(nanoseconds: now)) { body() }
        let due = model.filter { $0.value.due <= now }
        for number in due.keys { model[number] = nil }
        #expect(log.take().sorted() == due.values.map(\.name).sorted())
      }
      #expect(table.earliest?.nanoseconds == model.values.map(\.due).min())
    }
  }

  @Test("the timers' thread calls what is due, and not what was called off")
  func thread() async {
    let log = Log()
    Timers.shared.wake(at: BootTime.now, log.note(1))
    Timers.shared.wake(at: BootTime.now.after(nanoseconds: 3_000_000), log.note(2)).cancel()
    await withCheckedContinuation { continuation in
      Timers.shared.wake(at: BootTime.now.after(nanoseconds: 5_000_000)) { continuation.resume() }
    }
    #expect(log.take() == [1])
  }
}
