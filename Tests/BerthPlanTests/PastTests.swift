import BerthCore
import BerthManifest
import BerthPlan
import Testing

@Suite("Planner: a pod that the node's end interrupted")
struct PastTests {
  private let now = Instant(nanoseconds: 1_000_000_000_000)

  private func spec(_ policy: RestartPolicy, inits: [String] = []) -> PodSpec {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.restartPolicy = policy
    spec.containers = ["a", "b"].map { ContainerSpec(name: $0, image: "i:1", imagePullPolicy: .ifNotPresent) }
    spec.initContainers = inits.map { ContainerSpec(name: $0, image: "i:1", imagePullPolicy: .ifNotPresent) }
    return spec
  }

  private let past = ["a": PastAttempt(attempt: 2, succeeded: true), "b": PastAttempt(attempt: 4, succeeded: false)]

  private func verbs(_ desired: DesiredPod, _ actual: ActualPod? = nil) -> [PodAction.Verb] {
    plan(desired: desired, actual: actual, images: ["i:1": .present(digest: "d")], now: now).actions.map(\.verb)
  }

  /// What is there once the pod has been made.
  private func made(_ spec: PodSpec) -> ActualPod {
    var pod = ActualPod(uid: "u", hash: "h", spec: spec, sandbox: .ready)
    pod.past = past
    for name in past.keys where spec.hasDone(name, past: past) {
      let exit = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
      pod.containers[name] = ActualContainer(attempt: 2, state: .exited(exit))
      pod.containers[name]?.isPast = true
    }
    return pod
  }

  @Test("restarts go on counting; what had ended well by itself isn't run again, unless it is to run always")
  func creation() {
    var desired = DesiredPod(spec: spec(.onFailure), hash: "h")
    desired.past = past
    #expect(verbs(desired) == [.createPod, .startContainer(name: "b", attempt: 5)])
    desired = DesiredPod(spec: spec(.always), hash: "h")
    desired.past = past
    #expect(verbs(desired) == [.createPod, .startContainer(name: "a", attempt: 3), .startContainer(name: "b", attempt: 5)])
  }

  @Test("init containers run again before what is left to do, whatever had been done")
  func initContainers() {
    var desired = DesiredPod(spec: spec(.onFailure, inits: ["i"]), hash: "h")
    desired.past = past
    desired.past["i"] = PastAttempt(attempt: 0, succeeded: true)
    #expect(verbs(desired) == [.createPod, .startContainer(name: "i", attempt: 1)])
    var pod = made(desired.spec)
    let exit = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
    pod.containers["i"] = ActualContainer(attempt: 1, state: .running(since: now))
    #expect(verbs(desired, pod) == [])
    pod.containers["i"]?.state = .exited(exit)
    #expect(verbs(desired, pod) == [.startContainer(name: "b", attempt: 5)])
  }

  @Test("a pod is finished once what was left to do is done")
  func finished() {
    var pod = made(spec(.onFailure))
    #expect(!pod.isFinished)
    let exit = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
    pod.containers["b"] = ActualContainer(attempt: 5, state: .exited(exit))
    #expect(pod.isFinished && verbs(DesiredPod(spec: pod.spec, hash: "h"), pod) == [])
  }

  @Test("the forecast starts what the plan starts, and nothing else")
  func foreseen() {
    var desired = DesiredPod(spec: spec(.onFailure, inits: ["i"]), hash: "h")
    desired.past = past
    let whole = forecast(desired: desired, actual: nil, images: ["i:1": .present(digest: "d")], now: now)
    #expect(
      whole.actions.map(\.verb) == [
        .createPod, .startContainer(name: "i", attempt: 0), .startContainer(name: "b", attempt: 5),
      ])
  }
}
