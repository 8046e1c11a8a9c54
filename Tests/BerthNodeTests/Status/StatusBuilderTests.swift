import BerthCore
import BerthManifest
import BerthPlan
import BerthPods
import Testing

@testable import BerthNode

@Suite("the status of a pod")
struct StatusBuilderTests {
  private let key = PodKey(namespace: "default", name: "web")
  private var spec: PodSpec
  private let now = Instant(nanoseconds: 1_000_000_000_000)
  private let wall = Timestamp(nanoseconds: 1_700_000_000_000_000_000)

  init() {
    spec = PodSpec(key: key)
    spec.containers = [ContainerSpec(name: "web", image: "example:1", imagePullPolicy: .ifNotPresent)]
  }

  private func input(_ states: [String: ContainerState]? = nil, sandbox: SandboxState = .ready, problem: String? = nil) -> StatusInput {
    var input = StatusInput(key: key, now: now, wallNow: wall)
    input.entry = DesiredEntry(
      desired: DesiredPod(spec: spec, hash: "h1"), source: "/m/web.toml", problem: problem.map { ManifestProblem(message: $0) })
    if let states {
      var observation = PodObservation(
        actual: ActualPod(uid: "u1", hash: "h1", spec: spec, sandbox: sandbox), generation: 4, source: "/m/web.toml",
        images: ["example:1": "sha256:abc"])
      for (name, state) in states {
        observation.actual.containers[name] = ActualContainer(attempt: 2, state: state)
        observation.containers[name] = ContainerDetails(
          id: "u1/\(name)/2", pid: 42, startedAt: wall, finishedAt: nil, logPath: "/logs/\(name)/2.log")
      }
      input.observation = observation
    }
    return input
  }

  private func status(_ input: StatusInput, previous: PodStatus? = nil) -> PodStatus { StatusBuilder.status(input, previous: previous) }

  private func exited(_ code: Int32, signal: Int32? = nil, oom: Bool = false) -> ContainerState {
    .exited(ContainerExit(outcome: .code(code, signal: signal, oomKilled: oom), at: now, ran: .seconds(1)))
  }

  @Test("all containers run: Running and ready, with what is known of each")
  func running() {
    let status = status(input(["web": .running(since: now)]))
    #expect(status.phase == .running && status.ready && status.converged)
    #expect(status.reason.isEmpty && status.message.isEmpty)
    #expect(status.generation == 4 && status.uid == "u1" && status.specHash == "h1")
    let container = status.containers[0]
    #expect(container.pid == 42 && container.restartCount == 2 && container.imageDigest == "sha256:abc")
    #expect(status.conditions.map(\.type) == ["ManifestValid", "Initialized", "ContainersReady", "Ready"])
    #expect(status.conditions.filter { !$0.status }.isEmpty)
  }

  @Test("not there yet: Pending and ContainerCreating, and what is waited for")
  func pending() {
    var input = input()
    input.images = ["example:1": .pulling]
    input.plan.waitingFor = "image example:1 is being pulled"
    let status = status(input)
    #expect(status.phase == .pending && status.reason == "ContainerCreating" && !status.converged)
    #expect(status.containers[0].message.contains("pulling"))
  }

  @Test("an image that can't be had: its reason, its message and when it is tried next")
  func imageFailure() {
    var input = input()
    input.images = ["example:1": .failed(message: "no such host", retryAt: now + .seconds(5))]
    input.plan.waitingFor = "image example:1: no such host"
    input.plan.wakeAt = now + .seconds(5)
    let status = status(input)
    #expect(status.reason == "ErrImagePull")
    #expect(status.containers[0].message == "no such host")
    let due = Timestamp(nanoseconds: wall.nanoseconds + 5_000_000_000)
    #expect(status.nextRetryAt == due)
    // The wall's clock is read a moment after the other one.
    input.wallNow = Timestamp(nanoseconds: wall.nanoseconds + 40_709)
    #expect(self.status(input).nextRetryAt == due)
    input.imageFailures = ["example:1": 2]
    let again = self.status(input)
    #expect(again.reason == "ImagePullBackOff" && again.containers[0].message.hasSuffix("ErrImagePull: no such host"))
  }

  @Test(
    "an end that is final",
    arguments: [
      (0, nil, false, PodStatus.Phase.succeeded, "Completed"), (3, nil, false, .failed, "Error"), (137, 9, false, .failed, "Error"),
      (137, 9, true, .failed, "OOMKilled"),
    ] as [(Int32, Int32?, Bool, PodStatus.Phase, String)])
  func ended(code: Int32, signal: Int32?, oom: Bool, phase: PodStatus.Phase, reason: String) {
    var test = self
    test.spec.restartPolicy = .never
    let status = test.status(test.input(["web": exited(code, signal: signal, oom: oom)]))
    #expect(status.phase == phase && status.reason == reason && !status.ready)
    let container = status.containers[0]
    #expect(container.state == .terminated && container.exitCode == code && container.signal == signal && container.pid == nil)
  }

  @Test("between two starts: waiting, CrashLoopBackOff, with how it last ended, and the pod still Running")
  func backoff() {
    var input = input(["web": exited(3)])
    input.plan.waitingFor = "back-off"
    let status = status(input)
    #expect(status.phase == .running && status.reason == "CrashLoopBackOff" && !status.ready)
    #expect(status.containers[0].state == .waiting)
    #expect(status.containers[0].message.contains("exit code 3"))
  }

  @Test("between two starts, and what is to replace it can't be had: both are told")
  func replaced() {
    var input = input(["web": exited(3)])
    input.entry?.desired?.hash = "h2"
    input.plan.waitingFor = "image example:2: no such image"
    let status = status(input)
    #expect(status.reason == "CrashLoopBackOff" && status.message.contains("exit code 3"))
    #expect(status.message.hasSuffix("; to replace it, waiting: image example:2: no such image"), "\(status.message)")
  }

  @Test("what a running pod's plan waits for is told as that")
  func waiting() {
    var input = input(["web": .running(since: now)])
    input.plan.waitingFor = "the new instance to be ready"
    #expect(status(input).message == "waiting: the new instance to be ready")
  }

  @Test("a pod that has failed as a whole starts nothing again: its containers have ended, whatever its restart_policy")
  func failed() {
    var input = input(["web": exited(137, signal: 9)])
    input.observation?.actual.failure = PodFailure(reason: "DeadlineExceeded", message: "it ran too long")
    let status = status(input)
    #expect(status.phase == .failed && status.reason == "DeadlineExceeded")
    #expect(status.containers[0].state == .terminated && status.containers[0].reason == "Error")
  }

  @Test("a container that is being stopped says what for")
  func stopping() {
    var input = input(["web": .stopping])
    input.observation?.actual.containers["web"]?.stopReason = "liveness probe failed: exit code 1"
    let container = status(input).containers[0]
    #expect(container.state == .running && container.reason == "Terminating" && container.message == "liveness probe failed: exit code 1")
  }

  @Test("an exit code that nobody saw is unknown, not zero")
  func unknownExit() {
    var test = self
    test.spec.restartPolicy = .never
    let exit = ContainerExit(outcome: .unknown, at: now, ran: .zero)
    let status = test.status(test.input(["web": .exited(exit)]))
    #expect(status.phase == .failed && status.containers[0].exitCode == nil && status.containers[0].reason == "Unknown")
  }

  @Test("a bad edit: the pod is as it was, and says what is wrong")
  func badEdit() {
    let status = status(input(["web": .running(since: now)], problem: "web.toml:3:1: error: no"))
    #expect(status.phase == .running && status.ready)
    #expect(status.reason == "ManifestInvalid" && status.message == "web.toml:3:1: error: no")
    #expect(status.conditions[0].status == false)
  }

  @Test("a manifest that was never good: Pending, without containers")
  func neverGood() {
    var input = StatusInput(key: key, now: now, wallNow: wall)
    input.entry = DesiredEntry(desired: nil, source: "/m/web.toml", problem: ManifestProblem(message: "bad"))
    let status = status(input)
    #expect(status.phase == .pending && status.reason == "ManifestInvalid" && status.containers.isEmpty)
  }

  @Test("the shim is gone: Unknown, not ready, ShimLost")
  func shimLost() {
    let status = status(input(["web": .running(since: now)], sandbox: .lost(processesLeft: true)))
    #expect(status.phase == .unknown && status.reason == "ShimLost" && !status.ready)
  }

  @Test("the shim is gone, but how the job ended is known: that counts")
  func shimLostAtEnd() {
    var ended = input(["web": exited(0)], sandbox: .lost(processesLeft: false))
    ended.observation?.actual.spec.restartPolicy = .never
    #expect(status(ended).phase == .succeeded && status(ended).reason == "Completed")
    var failed = input(["web": exited(3)], sandbox: .lost(processesLeft: false))
    failed.observation?.actual.spec.restartPolicy = .never
    #expect(status(failed).phase == .failed && status(failed).containers[0].exitCode == 3)
  }

  @Test("being removed: Terminating until it is gone")
  func terminating() {
    var input = input(["web": .stopping])
    input.entry = DesiredEntry()
    #expect(status(input).reason == "Terminating")
  }

  @Test("suspended: Pending with that reason, and nothing else wrong")
  func suspended() {
    var test = self
    test.spec.suspend = true
    let status = test.status(test.input())
    #expect(status.phase == .pending && status.reason == "Suspended" && status.converged)
  }

  @Test("an action that failed is told and keeps the pod from being converged")
  func failure() {
    var input = input(["web": .running(since: now)])
    input.failure = (.createPod, BerthError(.failedPrecondition, "update", "x", cause: "too little memory"), now + .seconds(1))
    let status = status(input)
    #expect(!status.converged && status.message.contains("too little memory") && status.nextRetryAt != nil)
    #expect(status.reason == "CreatePodSandboxError" && status.phase == .running)
    input.failure?.verb = .updateResources(container: nil)
    #expect(self.status(input).reason == "UpdateError")
  }

  @Test("init containers: none ended well is Initialized; one that failed for good fails the pod")
  func initContainers() {
    var test = self
    test.spec.restartPolicy = .never
    test.spec.initContainers = [ContainerSpec(name: "setup", image: "example:1", imagePullPolicy: .ifNotPresent)]
    func initialized(_ status: PodStatus) -> Bool? { status.conditions.first { $0.type == "Initialized" }?.status }
    let during = test.status(test.input(["setup": .running(since: now)]))
    #expect(during.phase == .pending && initialized(during) == false)
    let after = test.status(test.input(["setup": exited(0), "web": .running(since: now)]))
    #expect(after.phase == .running && initialized(after) == true)
    let failed = test.status(test.input(["setup": exited(1)]))
    #expect(failed.phase == .failed && initialized(failed) == false)
  }

  @Test("a condition's time changes only when the condition does")
  func transitions() {
    let first = status(input(["web": .running(since: now)]))
    var later = input(["web": .running(since: now)])
    later.wallNow = Timestamp(nanoseconds: wall.nanoseconds + 1_000_000_000)
    #expect(status(later, previous: first).conditions.map(\.lastTransition) == first.conditions.map(\.lastTransition))
    var bad = input(["web": .running(since: now)], problem: "bad")
    bad.wallNow = later.wallNow
    #expect(status(bad, previous: first).conditions[0].lastTransition == later.wallNow)
  }
}
