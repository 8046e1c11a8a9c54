import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@Suite("a test's commands")
struct CommandTests {
  @Test("output, errors, input and exit code are kept apart")
  func output() throws {
    let result = try Command.run("sh", ["-c", "cat; echo out; echo err >&2; exit 3"], input: "in\n")
    #expect(result.stdout == "in\nout\n")
    #expect(result.stderr == "err\n")
    #expect(result.exit == 3)
  }

  @Test("a signal is told from an exit")
  func signal() throws {
    let result = try Command.run("sh", ["-c", "kill -9 $$"])
    #expect(result.exit == nil)
    #expect(result.signal == 9)
  }

  @Test("a command that hangs fails the test with its words so far")
  func hang() throws {
    #expect(throws: TestFailure.self) { try Command.run("sleep", ["1000"], deadline: .milliseconds(50)) }
  }

  @Test("a condition that never holds fails with what was seen")
  func never() throws {
    let failure = #expect(throws: TestFailure.self) {
      try eventually("the moon is cheese", within: .milliseconds(20), seen: { "rock" }, that: { false })
    }
    #expect(failure?.description.contains("the moon is cheese") == true)
    #expect(failure?.description.contains("rock") == true)
  }
}
