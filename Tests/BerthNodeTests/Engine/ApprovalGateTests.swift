import BerthCore
import BerthManifest
import BerthPlan
import Testing

@testable import BerthNode

@Suite("Approval: what the pods are told of what the directory says")
struct ApprovalGateTests {
  private let key = PodKey(namespace: "default", name: "web")

  private func word(_ hash: String?, problem: String? = nil) -> DesiredEntry {
    DesiredEntry(
      desired: hash.map { DesiredPod(spec: PodSpec(key: key), hash: $0) }, source: hash.map { _ in "/m/web.toml" },
      problem: problem.map { ManifestProblem(message: $0) })
  }

  private func gate(approved hash: String? = nil) -> ApprovalGate {
    let gate = ApprovalGate()
    if let hash { gate.restore([(key, "/m/web.toml", DesiredPod(spec: PodSpec(key: key), hash: hash))]) }
    return gate
  }

  @Test("a new pod is not run, and not remembered as if it had been") func new() {
    let gate = gate()
    let told = gate.admit(word("a"), key)
    #expect(told.isUnapproved && told.desired?.suspension?.contains("waits for approval") == true)
    #expect(gate.waiting[key] == word("a"))
  }

  @Test("a changed pod runs on as it was, its problems are told") func changed() {
    let gate = gate(approved: "a")
    let told = gate.admit(word("b", problem: "bad"), key)
    #expect(told.desired?.hash == "a" && !told.isUnapproved && told.problem?.message == "bad")
    #expect(told.notice == "a changed manifest waits for approval: berth diff shows the plan")
  }

  @Test("a pod whose manifest is removed runs on") func removed() {
    let gate = gate(approved: "a")
    let told = gate.admit(word(nil), key)
    #expect(told.desired?.hash == "a" && told.source == "/m/web.toml" && told.notice?.contains("removed") == true)
    #expect(gate.approve([key: word(nil)]) == [key: word(nil)])
    #expect(gate.admit(word(nil), key) == word(nil) && gate.waiting.isEmpty)
  }

  @Test("what was approved is let through, as it was when an earlier daemon ended") func approved() {
    let gate = gate(approved: "a")
    #expect(gate.admit(word("a"), key) == word("a") && gate.waiting.isEmpty)
  }

  @Test("an edit that is taken back waits for nothing any more") func takenBack() {
    let gate = gate(approved: "a")
    _ = gate.admit(word("b"), key)
    #expect(gate.admit(word("a"), key) == word("a") && gate.waiting.isEmpty)
    let new = self.gate()
    _ = new.admit(word("a"), key)
    #expect(new.admit(word(nil), key) == word(nil) && new.waiting.isEmpty)
  }

  @Test("approval is for what was looked at alone") func stale() {
    let gate = gate(approved: "a")
    _ = gate.admit(word("b"), key)
    let seen = gate.waiting
    _ = gate.admit(word("c"), key)
    #expect(gate.approve(seen) == nil && gate.waiting[key] == word("c"))
    #expect(gate.approve(gate.waiting)?[key]?.desired?.hash == "c")
    #expect(gate.admit(word("c"), key) == word("c"))
  }
}
