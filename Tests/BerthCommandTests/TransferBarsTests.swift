import BerthCore
import Testing

@testable import berth

@Suite("bars of a transfer")
struct TransferBarsTests {
  private func resolved(_ sizes: [Int64]) -> JSON {
    .object(["layers": .array(sizes.enumerated().map { ["digest": .string("sha256:layer\($0)"), "size": .integer($1)] })])
  }

  @Test("each layer has a line, in the image's order, and several have a sum")
  func lines() {
    var bars = TransferBars()
    bars.note(resolved([1000, 2000]))
    bars.note(["layer": "sha256:layer1", "done": 1000])
    #expect(
      bars.lines() == [
        "layer0        [........................] 0 B of 1.0 kB", "layer1        [############............] 1.0 kB of 2.0 kB",
        "2 layers      [########................] 1.0 kB of 3.0 kB",
      ])
    bars.note(["layer": "sha256:layer1", "done": 2000])
    bars.note(["layer": "sha256:layer0", "done": 1000])
    #expect(bars.lines().last == "2 layers      [########################] 3.0 kB of 3.0 kB")
  }

  @Test("many layers don't fill the screen, and numbers that can't be are borne")
  func bounds() {
    var bars = TransferBars()
    bars.note(resolved(Array(repeating: .max, count: 40)))
    bars.note(["layer": "sha256:layer3", "done": .integer(Int64.max)])
    bars.note(["layer": "sha256:layer4", "done": -7])
    bars.note(["layer": "sha256:stranger", "done": 1])
    #expect(bars.lines().count == 13)
    bars.note(["layer": "sha256:layer30", "done": 1])
    #expect(bars.lines().first?.hasPrefix("layer30 ") == true)
    bars.note(resolved([0]))
    #expect(bars.lines() == ["layer0        [########################] 0 B of 0 B"])
    #expect(TransferBars().lines().isEmpty)
  }

  @Test("a pod's last pull is explained by the places that had nothing since the one before it")
  func attempts() {
    func event(_ reason: String, _ message: String, pod: String = "web") -> JSON {
      ["reason": .string(reason), "message": .string(message), "namespace": "default", "pod": .string(pod)]
    }
    let events = [
      event("PullAttempt", "old"), event("Pulled", "x"), event("PullAttempt", "other", pod: "db"), event("PullAttempt", "one"),
      event("PullAttempt", "two"),
    ]
    #expect(Explain.attempts(events, namespace: "default", name: "web") == ["one", "two"])
    let later = events + [event("Failed", "pull"), event("PullAttempt", "three")]
    #expect(Explain.attempts(later, namespace: "default", name: "web") == ["three"])
    #expect(Explain.attempts([], namespace: "default", name: "web").isEmpty)
  }
}
