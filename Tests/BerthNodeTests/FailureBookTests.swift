import BerthCore
import BerthPlan
import Testing

@testable import BerthNode

@Suite("Failed actions")
struct FailureBookTests {
  private let now = Instant(nanoseconds: 1_000)
  private let error = BerthError(.unavailable, "do it", cause: "no")
  private func actions(_ verbs: PodAction.Verb...) -> [PodAction] { verbs.map { PodAction($0, because: "x") } }

  @Test("one that waits for its retry holds up no other") func others() {
    var book = FailureBook()
    let limits = PodAction.Verb.updateResources(container: "a")
    let all = actions(limits, .updateResources(container: "b"), .recordSpec, .startContainer(name: "c", attempt: 1))
    book.keep(all, hash: "h")
    book.note(error, of: PodAction(limits, because: "x"), now: now)
    #expect(book.runnable(all, now: now).map(\.verb) == [.updateResources(container: "b"), .startContainer(name: "c", attempt: 1)])
    #expect(book.runnable(all, now: now + .seconds(1)).map(\.verb) == all.map(\.verb))
  }

  @Test("what needs a pod waits with its creation") func creation() {
    var book = FailureBook()
    let all = actions(.createPod, .startContainer(name: "a", attempt: 0))
    book.keep(all, hash: "h")
    book.note(error, of: PodAction(.createPod, because: "x"), now: now)
    #expect(book.runnable(all, now: now).isEmpty)
  }

  @Test("pauses double from a second to five minutes; another spec or another plan starts over") func pauses() {
    var book = FailureBook()
    let all = actions(.createPod)
    book.keep(all, hash: "h")
    var pauses: [Int64] = []
    for _ in 0..<11 {
      book.note(error, of: PodAction(.createPod, because: "x"), now: now)
      pauses.append(book.retryAt.map { ($0 - now).milliseconds / 1000 } ?? -1)
    }
    #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    book.keep(all, hash: "h2")
    #expect(book.isEmpty)
    book.note(error, of: PodAction(.createPod, because: "x"), now: now)
    book.keep([], hash: "h2")
    #expect(book.isEmpty)
  }
}
