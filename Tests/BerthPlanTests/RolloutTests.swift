import BerthCore
import BerthManifest
import BerthPlan
import Testing

@Suite("Rollout: which spec of a pod is run")
struct RolloutTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)

  private func pod(_ hash: String, _ change: (inout PodSpec) -> Void = { _ in }) -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.containers = [ContainerSpec(name: "web", image: "example:\(hash)", imagePullPolicy: .ifNotPresent)]
    spec.update.progressDeadline = .seconds(30)
    change(&spec)
    return DesiredPod(spec: spec, hash: hash)
  }

  private func actual(_ pod: DesiredPod) -> ActualPod { ActualPod(uid: "u", hash: pod.hash, spec: pod.spec, sandbox: .ready) }

  /// One good revision of `old`, then `new` begun at `start`.
  private func updated(_ old: DesiredPod, _ new: DesiredPod) -> Rollout {
    var rollout = Rollout()
    rollout.begin(old, images: ["example:\(old.hash)": "sha256:\(old.hash)"], now: start, wallNow: 0)
    #expect(rollout.judge(actual(old), readySince: start, now: start + .seconds(10)) == nil)
    rollout.begin(new, images: [:], now: start, wallNow: 0)
    return rollout
  }

  @Test("a spec is good once its containers have been up for a while, not the moment they start")
  func settles() {
    var rollout = Rollout()
    let first = pod("a")
    rollout.begin(first, images: [:], now: start, wallNow: 0)
    #expect(rollout.judge(actual(first), readySince: start + .seconds(1), now: start + .seconds(2)) == start + .seconds(11))
    #expect(rollout.revisions.last?.outcome == .progressing)
    #expect(rollout.judge(actual(first), readySince: start + .seconds(1), now: start + .seconds(11)) == nil)
    #expect(rollout.revisions.last?.outcome == .good)
  }

  @Test("one that was replaced before it had proven itself is shown as superseded")
  func superseded() {
    var rollout = Rollout()
    for hash in ["a", "b"] { rollout.begin(pod(hash), images: [:], now: start, wallNow: 0) }
    #expect(rollout.history.map { $0["outcome"]?.string } == ["superseded", "progressing"])
    #expect(Rollout(json: rollout.json).revisions.map(\.outcome) == [.progressing, .progressing])
  }

  @Test("one that isn't ready in time is failed, and the last good one is run again, with its digests")
  func rollsBack() {
    let (old, new) = (pod("a"), pod("b"))
    var rollout = updated(old, new)
    #expect(rollout.judge(actual(new), readySince: nil, now: start + .seconds(29)) == start + .seconds(30))
    #expect(rollout.target(for: new).pod == new)
    #expect(rollout.judge(actual(new), readySince: nil, now: start + .seconds(30)) == nil)
    #expect(rollout.revisions.last?.outcome == .failed("not ready within 30s"))
    let target = rollout.target(for: new)
    #expect(target.pod == old && target.images == ["example:a": "sha256:a"])
    #expect(rollout.reason(against: new)?.contains("revision 1 was put back") == true)
  }

  @Test("a failed content isn't tried again, however often the file is written; another one is")
  func noRetry() {
    let (old, new) = (pod("a"), pod("b"))
    var rollout = updated(old, new)
    _ = rollout.judge(actual(new), readySince: nil, now: start + .seconds(31))
    rollout.asked(for: "b")
    #expect(rollout.target(for: new).pod == old)
    let next = pod("c")
    rollout.asked(for: "c")
    #expect(rollout.hold == nil && rollout.target(for: next).pod == next)
    rollout.asked(for: "b")
    #expect(rollout.target(for: new).pod == new, "asked for anew")
  }

  @Test("the spec that was put back is not rolled back again when it fails, too")
  func once() {
    let (old, new) = (pod("a"), pod("b"))
    var rollout = updated(old, new)
    _ = rollout.judge(actual(new), readySince: nil, now: start + .seconds(31))
    rollout.begin(old, images: [:], now: start + .seconds(40), wallNow: 0)
    #expect(rollout.revisions.last?.note?.hasPrefix("revision 1 again") == true)
    _ = rollout.judge(actual(old), readySince: nil, now: start + .seconds(100))
    #expect(rollout.target(for: new).pod == old)
  }

  @Test("without rollback, without a good one, or of a job, a failed spec stays")
  func stays() {
    for change: (inout PodSpec) -> Void in [{ $0.update.rollback = false }, { $0.restartPolicy = .never }] {
      let new = pod("b", change)
      var rollout = updated(pod("a"), new)
      _ = rollout.judge(actual(new), readySince: nil, now: start + .seconds(31))
      #expect(rollout.hold == nil && rollout.revisions.last?.outcome == .failed("not ready within 30s"))
    }
    var first = Rollout()
    first.begin(pod("a"), images: [:], now: start, wallNow: 0)
    _ = first.judge(actual(pod("a")), readySince: nil, now: start + .seconds(31))
    #expect(first.hold == nil)
  }

  @Test("by hand: to a number, or to the last good one; what isn't there is refused with what is")
  func byHand() throws {
    let (old, new) = (pod("a"), pod("b"))
    var rollout = updated(old, new)
    #expect(try rollout.rollBack(to: nil, asked: new).number == 1)
    #expect(rollout.target(for: new).pod == old)
    #expect(try rollout.rollBack(to: 2, asked: new).number == 2)
    #expect(rollout.hold == nil, "the manifest's own")
    #expect { try rollout.rollBack(to: 9, asked: new) } throws: { "\($0)".contains("known are: 1, 2") }
    var fresh = Rollout()
    #expect { try fresh.rollBack(to: nil, asked: new) } throws: { "\($0)".contains("no earlier revision") }
  }

  @Test("history is bounded, counts on, and survives being written down")
  func history() throws {
    var rollout = Rollout()
    for number in 0..<25 { rollout.begin(pod("h\(number)"), images: ["x": "y"], now: start, wallNow: Int64(number)) }
    #expect(rollout.revisions.map(\.number) == Array(16...25))
    _ = try rollout.rollBack(to: 20, asked: pod("h24"))
    let read = Rollout(json: try JSON(parsing: rollout.json.encoded()))
    #expect(read.revisions == rollout.revisions && read.hold == rollout.hold)
  }
}
