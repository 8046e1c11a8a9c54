import BerthCore
import BerthManifest
import Testing

@testable import BerthPods

@Suite("Incarnations that a daemon finds")
struct PodRolesTests {
  private func record(_ uid: String, _ generation: Int64, successorTo: String? = nil, isBeingRemoved: Bool = false) -> PodRecord {
    var record = PodRecord(
      uid: uid, generation: generation, hash: "h", spec: PodSpec(key: PodKey(namespace: "default", name: "web")), source: "", createdAt: 0)
    record.successorTo = successorTo
    record.isBeingRemoved = isBeingRemoved
    return record
  }

  private func roles(_ records: PodRecord...) -> [String] {
    PodRoles.of(records).flatMap { roles in
      ["serves \(roles.current.uid)"] + (roles.successor.map { ["follows \($0.uid)"] } ?? []) + roles.leaving.map { "leaves \($0.uid)" }
    }
  }

  @Test("one serves") func one() { #expect(roles(record("a", 1)) == ["serves a"]) }

  @Test("an update under way: the older serves until the newer has taken over") func underWay() {
    #expect(roles(record("b", 2, successorTo: "a"), record("a", 1)) == ["serves a", "follows b"])
    #expect(roles(record("b", 2, successorTo: "a"), record("a", 1, isBeingRemoved: true)) == ["serves a", "follows b"])
    #expect(roles(record("b", 2), record("a", 1, isBeingRemoved: true)) == ["serves b", "leaves a"])
  }

  @Test("another update before the last one's old instance is gone") func twice() {
    #expect(
      roles(record("c", 3, successorTo: "b"), record("b", 2), record("a", 1, isBeingRemoved: true)) == [
        "serves b", "follows c", "leaves a",
      ])
  }

  @Test("a successor whose predecessor is gone serves") func alone() { #expect(roles(record("b", 2, successorTo: "a")) == ["serves b"]) }

  @Test("runs side by side: the newest serves, the others go on; the one that made room for a next that never came serves again")
  func runs() {
    var first = record("a", 1)
    first.isEarlierRun = true
    #expect(roles(record("b", 2), first) == ["serves b", "leaves a"])
    #expect(roles(first) == ["serves a"])
  }

  @Test("what a failed creation left is nobody") func leftover() { #expect(roles(record("a", 1), record("b", 2)) == ["serves b"]) }

  @Test("the role is kept in the record") func roundTrip() {
    let before = record("b", 2, successorTo: "a")
    #expect(PodRecord(json: before.json) == before)
  }
}
