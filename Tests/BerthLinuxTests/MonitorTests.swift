import BerthLinux
import Testing

@Suite("a monitor")
struct MonitorTests {
  @Test("a wait with an end is over when somebody's change ends it, long before that")
  func woken() throws {
    let monitor = Monitor(false)
    let thread = try NativeThread.start { monitor.with { $0 = true } }
    // A day: were the change not noticed, the suite's time limit would tell.
    let result = monitor.wait(atMost: .seconds(86_400)) { $0 ? "changed" : nil }
    thread.join()
    #expect(result == "changed")
  }

  @Test("a wait with an end gives up at it, and not before")
  func over() {
    let monitor = Monitor(0)
    let before = Clock.bootNanoseconds()
    let result = monitor.wait(atMost: .milliseconds(20)) { $0 > 0 ? $0 : nil }
    #expect(result == nil)
    #expect(Clock.bootNanoseconds() - before >= 20_000_000)
    #expect(monitor.wait(atMost: .zero) { _ in 1 } == 1)
  }
}
