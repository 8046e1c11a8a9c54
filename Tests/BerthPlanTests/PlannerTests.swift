import BerthCore
import BerthManifest
import BerthPlan
import Testing

/// One pod `default/web` and what may be asked of and known about it.
private struct Scene {
  var spec: PodSpec
  var hash = "h1"
  var now = Instant(nanoseconds: 1_000_000_000_000)

  init(containers: [String] = ["web"], initContainers: [String] = []) {
    spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.containers = containers.map { ContainerSpec(name: $0, image: "example:1", imagePullPolicy: .ifNotPresent) }
    spec.initContainers = initContainers.map { ContainerSpec(name: $0, image: "setup:1", imagePullPolicy: .ifNotPresent) }
  }

  var desired: DesiredPod { DesiredPod(spec: spec, hash: hash) }
  let images: [String: ImageState] = ["example:1": .present(digest: "d1"), "setup:1": .present(digest: "d2")]

  func running(_ names: String...) -> ActualPod {
    actual(Dictionary(uniqueKeysWithValues: names.map { ($0, ActualContainer(state: .running(since: now))) }))
  }
  func actual(_ containers: [String: ActualContainer], sandbox: SandboxState = .ready) -> ActualPod {
    ActualPod(uid: "u1", hash: "h1", spec: spec, sandbox: sandbox, containers: containers)
  }
  func exited(_ code: Int32, ago: Duration = .zero, ran: Duration = .seconds(1), step: Int = 0, attempt: UInt32 = 0) -> ActualContainer {
    let at = Instant(nanoseconds: now.nanoseconds - ago.nanoseconds)
    return ActualContainer(
      attempt: attempt, state: .exited(ContainerExit(outcome: .code(code, signal: nil, oomKilled: false), at: at, ran: ran)),
      backoffStep: step)
  }
  func plan(_ actual: ActualPod?, desired: DesiredPod? = nil, gone: Bool = false, images: [String: ImageState]? = nil) -> PodPlan {
    BerthPlan.plan(desired: gone ? nil : desired ?? self.desired, actual: actual, images: images ?? self.images, now: now)
  }
}

extension PodPlan {
  fileprivate var verbs: [PodAction.Verb] { actions.map(\.verb) }
}

@Suite("Planner: what to do for a pod")
struct PlannerTests {
  @Test("everything is good; do nothing") func converged() {
    let scene = Scene()
    #expect(scene.plan(scene.running("web")) == PodPlan())
  }

  @Test("nothing is asked for and nothing is there; do nothing") func nothing() {
    #expect(Scene().plan(nil, gone: true) == PodPlan())
  }

  @Test("a new manifest: create the pod and start its containers in order") func creation() {
    let scene = Scene(containers: ["a", "b"])
    #expect(scene.plan(nil).verbs == [.createPod, .startContainer(name: "a", attempt: 0), .startContainer(name: "b", attempt: 0)])
  }

  @Test("an image is missing: pull it, create nothing yet") func missingImage() {
    let plan = Scene().plan(nil, images: [:])
    #expect(plan.verbs == [.pullImage(reference: "example:1")])
  }

  @Test("an image is being pulled: wait") func pulling() {
    let plan = Scene().plan(nil, images: ["example:1": .pulling])
    #expect(plan.actions.isEmpty)
    #expect(plan.waitingFor == "image example:1 is being pulled")
  }

  @Test("a failed pull is tried again when its time has come, not before") func failedPull() {
    let scene = Scene()
    let later = scene.now + .seconds(5)
    let waiting = scene.plan(nil, images: ["example:1": .failed(message: "no route", retryAt: later)])
    #expect(waiting.actions.isEmpty && waiting.wakeAt == later)
    let due = scene.plan(nil, images: ["example:1": .failed(message: "no route", retryAt: scene.now)])
    #expect(due.verbs == [.pullImage(reference: "example:1")])
  }

  @Test("the manifest is gone: stop what runs, last container first") func removal() {
    let scene = Scene(containers: ["a", "b"])
    let plan = scene.plan(scene.running("a", "b"), gone: true)
    #expect(plan.verbs == [.stopContainer(name: "b"), .stopContainer(name: "a")])
  }

  @Test("containers that are stopping already are waited for, not stopped again") func stopping() {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": ActualContainer(state: .stopping)]), gone: true)
    #expect(plan.actions.isEmpty)
    #expect(plan.waitingFor == "containers to stop: web")
  }

  @Test("everything has ended: remove the pod") func removePod() {
    let scene = Scene()
    #expect(scene.plan(scene.actual(["web": scene.exited(0)]), gone: true).verbs == [.removePod])
  }

  @Test("an unhealthy container is stopped, whatever else is good") func unhealthy() {
    let scene = Scene(containers: ["a", "b"])
    var actual = scene.running("a", "b")
    actual.containers["b"]?.health.failure = HealthFailure(.liveness, "no answer in time")
    let plan = scene.plan(actual)
    #expect(plan.verbs == [.stopContainer(name: "b", purpose: .restart)])
    #expect(plan.actions.first?.reason == "liveness probe failed: no answer in time")
  }

  @Test("what was stopped for its health is restarted though it ended with 0, unless the policy is never") func stoppedForHealth() {
    var scene = Scene()
    scene.spec.restartPolicy = .onFailure
    var container = scene.exited(0)
    container.stopReason = "liveness probe failed: x"
    #expect(scene.plan(scene.actual(["web": container])).verbs == [.startContainer(name: "web", attempt: 1)])
    scene.spec.restartPolicy = .never
    #expect(scene.plan(scene.actual(["web": container])) == PodPlan())
  }

  @Test("a sidecar holds what follows until it is ready, and no longer than the first time") func sidecarOrder() {
    var scene = Scene(initContainers: ["proxy", "setup"])
    scene.spec.initContainers[0].isSidecar = true
    #expect(scene.plan(nil).verbs == [.createPod, .startContainer(name: "proxy", attempt: 0)])
    var actual = scene.running("proxy")
    actual.containers["proxy"]?.health = .unknown
    #expect(scene.plan(actual).actions.isEmpty && scene.plan(actual).waitingFor == "sidecar proxy to be ready")
    actual.containers["proxy"]?.health = .unwatched
    #expect(scene.plan(actual).verbs == [.startContainer(name: "setup", attempt: 0)])
    actual.containers["setup"] = scene.exited(0)
    #expect(scene.plan(actual).verbs == [.startContainer(name: "web", attempt: 0)])
    actual.containers["web"] = ActualContainer(state: .running(since: scene.now))
    actual.containers["proxy"]?.health = .unknown
    #expect(scene.plan(actual) == PodPlan())
    actual.containers["proxy"] = scene.exited(0, step: 0)
    #expect(scene.plan(actual).verbs == [.startContainer(name: "proxy", attempt: 1)])
  }

  @Test("the forecast of a new pod with a sidecar starts each container once") func sidecarForecast() {
    var scene = Scene(initContainers: ["proxy", "setup"])
    scene.spec.initContainers[0].isSidecar = true
    let whole = forecast(desired: scene.desired, actual: nil, images: scene.images, now: scene.now)
    #expect(
      whole.actions.map(\.verb) == [
        .createPod, .startContainer(name: "proxy", attempt: 0), .startContainer(name: "setup", attempt: 0),
        .startContainer(name: "web", attempt: 0),
      ])
  }

  @Test("once the containers have finished the sidecars are stopped, last first, and not restarted") func sidecarEnd() {
    var scene = Scene(initContainers: ["one", "two"])
    for at in 0..<2 { scene.spec.initContainers[at].isSidecar = true }
    scene.spec.restartPolicy = .never
    var actual = scene.running("one", "two")
    actual.containers["web"] = scene.exited(1)
    #expect(scene.plan(actual).verbs == [.stopContainer(name: "two", purpose: .completion)])
    actual.containers["two"]?.state = .stopping
    #expect(scene.plan(actual).actions.isEmpty)
    actual.containers["two"] = scene.exited(0)
    #expect(scene.plan(actual).verbs == [.stopContainer(name: "one", purpose: .completion)])
    actual.containers["one"] = scene.exited(0)
    #expect(scene.plan(actual) == PodPlan())
  }

  @Test("at removal the containers end first, then the sidecars one by one") func sidecarRemoval() {
    var scene = Scene(initContainers: ["one", "two"])
    for at in 0..<2 { scene.spec.initContainers[at].isSidecar = true }
    var actual = scene.running("one", "two", "web")
    #expect(scene.plan(actual, gone: true).verbs == [.stopContainer(name: "web")])
    actual.containers["web"] = scene.exited(0)
    #expect(scene.plan(actual, gone: true).verbs == [.stopContainer(name: "two")])
    actual.containers["two"] = scene.exited(0)
    #expect(scene.plan(actual, gone: true).verbs == [.stopContainer(name: "one")])
  }

  @Test("a pod that depends on another is neither made nor restarted before that has come so far; what runs goes on") func unmet() {
    let scene = Scene()
    func plan(_ actual: ActualPod?) -> PodPlan {
      BerthPlan.plan(desired: scene.desired, actual: actual, images: scene.images, unmet: ["pod default/db to be ready"], now: scene.now)
    }
    #expect(plan(nil).actions.isEmpty && plan(nil).waitingFor == "pod default/db to be ready")
    #expect(plan(scene.actual(["web": scene.exited(1)])).waitingFor == "pod default/db to be ready")
    #expect(plan(scene.running("web")) == PodPlan())
  }

  @Test("active_deadline: woken for it, then failed once, then stopped, and nothing runs again") func deadline() {
    var scene = Scene()
    scene.spec.activeDeadline = .seconds(60)
    var actual = scene.running("web")
    actual.createdAt = Instant(nanoseconds: scene.now.nanoseconds - 59_000_000_000)
    #expect(scene.plan(actual).actions.isEmpty && scene.plan(actual).wakeAt == scene.now + .seconds(1))
    actual.createdAt = Instant(nanoseconds: scene.now.nanoseconds - 60_000_000_000)
    let failure = PodFailure(reason: "DeadlineExceeded", message: "it ran longer than active_deadline = \"1m\"")
    #expect(scene.plan(actual).verbs == [.failPod(failure)])
    actual.failure = failure
    #expect(scene.plan(actual).verbs == [.stopContainer(name: "web", purpose: .completion)])
    actual.containers["web"] = scene.exited(137)
    #expect(scene.plan(actual) == PodPlan())
    var longer = scene
    longer.hash = "h2"
    longer.spec.activeDeadline = .seconds(600)
    #expect(scene.plan(actual, desired: longer.desired).verbs == [.removePod])
  }

  @Test("a pod that finished in time has no deadline any more") func finishedBeforeDeadline() {
    var scene = Scene()
    scene.spec.activeDeadline = .seconds(60)
    scene.spec.restartPolicy = .never
    var actual = scene.actual(["web": scene.exited(0)])
    actual.createdAt = Instant(nanoseconds: scene.now.nanoseconds - 90_000_000_000)
    #expect(scene.plan(actual) == PodPlan())
  }

  @Test("ttl_after_finished counts from the last end; a released pod is left alone until something else is asked for") func timeToLive() {
    var scene = Scene()
    scene.spec.restartPolicy = .never
    scene.spec.ttlAfterFinished = .seconds(30)
    #expect(scene.plan(scene.actual(["web": scene.exited(0, ago: .seconds(10))])).wakeAt == scene.now + .seconds(20))
    #expect(scene.plan(scene.actual(["web": scene.exited(0, ago: .seconds(30))])).verbs == [.releasePod])
    let released = scene.actual(["web": scene.exited(0, ago: .seconds(30))], sandbox: .released)
    #expect(scene.plan(released) == PodPlan())
    #expect(scene.plan(released, gone: true).verbs == [.removePod])
    var changed = scene
    changed.hash = "h2"
    changed.spec.ttlAfterFinished = .seconds(60)
    #expect(scene.plan(released, desired: changed.desired).verbs == [.recordSpec])
    changed.spec.containers[0].command = ["x"]
    #expect(scene.plan(released, desired: changed.desired).verbs == [.removePod])
    var always = scene
    always.hash = "h3"
    always.spec.restartPolicy = .always
    #expect(scene.plan(released, desired: always.desired).verbs == [.removePod])
  }

  @Test("while a changed pod waits for its image the old one's containers are restarted all the same") func oldPodGoesOn() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    changed.spec.containers[0].image = "next:1"
    let plan = scene.plan(scene.actual(["web": scene.exited(1)]), desired: changed.desired, images: ["next:1": .pulling])
    #expect(plan.verbs == [.startContainer(name: "web", attempt: 1)])
    #expect(plan.waitingFor == "image next:1 is being pulled")
  }

  @Test("suspend stops and removes, and keeps nothing running") func suspend() {
    var scene = Scene()
    let actual = scene.running("web")
    scene.spec.suspend = true
    #expect(scene.plan(actual).verbs == [.stopContainer(name: "web")])
    #expect(scene.plan(nil) == PodPlan())
  }

  @Test("a changed image recreates the pod, told why") func recreate() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    changed.spec.containers[0].image = "setup:1"
    let plan = scene.plan(scene.running("web"), desired: changed.desired)
    #expect(plan.verbs == [.stopContainer(name: "web")])
    #expect(plan.actions.first?.reason == "container.web.image changed (recreate)")
  }

  @Test("the old pod runs on until the new image is there") func pullBeforeStop() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    changed.spec.containers[0].image = "next:1"
    let plan = scene.plan(scene.running("web"), desired: changed.desired)
    #expect(plan.verbs == [.pullImage(reference: "next:1")])
  }

  @Test("changed limits are written in place, without a restart") func inPlace() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    changed.spec.containers[0].resources.memory = ByteSize(bytes: 64 << 20)
    let plan = scene.plan(scene.running("web"), desired: changed.desired)
    #expect(plan.verbs == [.updateResources(container: "web"), .recordSpec])
  }

  @Test("limits of the pod and of a container are told apart") func podLimits() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    changed.spec.resources.memory = ByteSize(bytes: 64 << 20)
    #expect(scene.plan(scene.running("web"), desired: changed.desired).verbs == [.updateResources(container: nil), .recordSpec])
  }

  @Test("another spelling of the same content only takes over the hash") func sameContent() {
    let scene = Scene()
    var changed = scene
    changed.hash = "h2"
    #expect(scene.plan(scene.running("web"), desired: changed.desired).verbs == [.recordSpec])
  }

  @Test("a lost shim: running containers are left alone") func lostRunning() {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": ActualContainer(state: .running(since: scene.now))], sandbox: .lost(processesLeft: true)))
    #expect(plan.actions.isEmpty && plan.waitingFor != nil)
  }

  @Test("shims that die over and over, each soon after its start: the pod is created anew after pauses that grow")
  func lostAgain() {
    let scene = Scene()
    var lost = scene.actual([:], sandbox: .lost(processesLeft: false))
    lost.createdAt = scene.now
    for (losses, pause) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300)] {
      lost.losses = losses
      let plan = scene.plan(lost)
      #expect(plan.verbs.isEmpty && plan.wakeAt == scene.now + .seconds(pause), "\(losses)")
    }
    lost.createdAt = scene.now + .seconds(-301)
    #expect(scene.plan(lost).verbs == [.removePod], "one that lived for longer than the pause")
  }

  @Test("a lost shim without processes: remove the pod, so that it is created anew") func lostEmpty() {
    let scene = Scene()
    #expect(scene.plan(scene.actual([:], sandbox: .lost(processesLeft: false))).verbs == [.removePod])
  }
}

@Suite("Planner: restarts")
struct RestartTests {
  @Test("policy \"always\" restarts after success and failure", arguments: [0, 1, 137] as [Int32]) func always(code: Int32) {
    let scene = Scene()
    #expect(scene.plan(scene.actual(["web": scene.exited(code)])).verbs == [.startContainer(name: "web", attempt: 1)])
  }

  @Test("policy \"on-failure\" restarts after failure alone") func onFailure() {
    var scene = Scene()
    scene.spec.restartPolicy = .onFailure
    #expect(scene.plan(scene.actual(["web": scene.exited(0)])) == PodPlan())
    #expect(scene.plan(scene.actual(["web": scene.exited(1)])).verbs == [.startContainer(name: "web", attempt: 1)])
  }

  @Test("policy \"never\" never restarts") func never() {
    var scene = Scene()
    scene.spec.restartPolicy = .never
    #expect(scene.plan(scene.actual(["web": scene.exited(1)])) == PodPlan())
  }

  @Test("the first restart is immediate, the second waits", arguments: [(1, 10), (2, 20), (3, 40), (6, 300), (60, 300)])
  func backoff(step: Int, seconds: Int) {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": scene.exited(1, step: step)]))
    #expect(plan.actions.isEmpty)
    #expect(plan.wakeAt == scene.now + .seconds(seconds))
  }

  @Test("a back-off that is over restarts") func backoffOver() {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": scene.exited(1, ago: .seconds(11), step: 1, attempt: 4)]))
    #expect(plan.verbs == [.startContainer(name: "web", attempt: 5)])
  }

  @Test("a long run resets the back-off") func resetAfter() {
    let scene = Scene()
    #expect(
      scene.plan(scene.actual(["web": scene.exited(1, ran: .seconds(600), step: 5)])).verbs == [.startContainer(name: "web", attempt: 1)])
  }

  @Test("one container's back-off doesn't hold up another's start") func independent() {
    let scene = Scene(containers: ["a", "b"])
    let plan = scene.plan(scene.actual(["a": scene.exited(1, step: 2), "b": scene.exited(1)]))
    #expect(plan.verbs == [.startContainer(name: "b", attempt: 1)])
    #expect(plan.wakeAt != nil)
  }

  @Test("init containers run one after the other, the containers after them") func initOrder() {
    let scene = Scene(initContainers: ["one", "two"])
    #expect(scene.plan(nil).verbs == [.createPod, .startContainer(name: "one", attempt: 0)])
    #expect(scene.plan(scene.running("one")).waitingFor == "init container one to finish")
    #expect(scene.plan(scene.actual(["one": scene.exited(0)])).verbs == [.startContainer(name: "two", attempt: 0)])
    let done = scene.actual(["one": scene.exited(0), "two": scene.exited(0)])
    #expect(scene.plan(done).verbs == [.startContainer(name: "web", attempt: 0)])
  }

  @Test("a failed init container is tried again, and with \"never\" not") func initFailure() {
    var scene = Scene(initContainers: ["one"])
    #expect(scene.plan(scene.actual(["one": scene.exited(1)])).verbs == [.startContainer(name: "one", attempt: 1)])
    scene.spec.restartPolicy = .never
    #expect(scene.plan(scene.actual(["one": scene.exited(1)])) == PodPlan())
  }

  @Test("init containers don't run again once the containers have started") func initOnce() {
    let scene = Scene(initContainers: ["one"])
    #expect(scene.plan(scene.actual(["web": scene.exited(1), "one": scene.exited(0)])).verbs == [.startContainer(name: "web", attempt: 1)])
  }

  @Test("the shim is gone but processes are left: leave them, and look again soon") func lossWithProcesses() {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": ActualContainer(state: .running(since: scene.now))], sandbox: .lost(processesLeft: true)))
    #expect(plan.actions.isEmpty)
    #expect(plan.waitingFor?.contains("ShimLost") == true)
    #expect(plan.wakeAt != nil)
  }

  @Test("the shim is gone and the job has ended: it isn't run again, as far as anybody can tell it needn't be") func lossAndCompletion() {
    var scene = Scene()
    scene.spec.restartPolicy = .never
    for code: Int32 in [0, 1] {
      #expect(scene.plan(scene.actual(["web": scene.exited(code)], sandbox: .lost(processesLeft: false))).isConverged)
    }
    let unknown = ActualContainer(state: .exited(ContainerExit(outcome: .unknown, at: scene.now, ran: .zero)))
    let lost = scene.actual(["web": unknown], sandbox: .lost(processesLeft: false))
    #expect(scene.plan(lost).isConverged, "never is never")
    scene.spec.restartPolicy = .onFailure
    #expect(scene.plan(scene.actual(["web": scene.exited(0)], sandbox: .lost(processesLeft: false))).isConverged)
    #expect(scene.plan(scene.actual(["web": scene.exited(1)], sandbox: .lost(processesLeft: false))).verbs == [.removePod])
    #expect(scene.plan(scene.actual(["web": unknown], sandbox: .lost(processesLeft: false))).verbs == [.removePod])
    scene.spec.restartPolicy = .never
    scene.hash = "h2"
    #expect(scene.plan(lost).verbs == [.removePod], "an edit runs it anew, as it would with a shim")
  }

  @Test("the shim is gone and another spec is asked for: stop what is left, don't start beside it") func lossAndEdit() {
    var scene = Scene()
    let actual = scene.actual(["web": ActualContainer(state: .running(since: scene.now))], sandbox: .lost(processesLeft: true))
    scene.spec.containers[0].env = ["A": "1"]
    scene.hash = "h2"
    #expect(scene.plan(actual).verbs == [.stopContainer(name: "web")])
  }

  @Test("the shim is gone, nothing is asked for, and the last processes still die: wait, then remove") func lossAndRemoval() {
    let scene = Scene()
    let plan = scene.plan(scene.actual(["web": scene.exited(0)], sandbox: .lost(processesLeft: true)), gone: true)
    #expect(plan.actions.isEmpty && plan.wakeAt != nil && plan.waitingFor != nil)
    #expect(scene.plan(scene.actual(["web": scene.exited(0)], sandbox: .lost(processesLeft: false)), gone: true).verbs == [.removePod])
  }

  @Test("a removal that had begun is seen through, though the very same spec is asked for again") func removalHadBegun() {
    let scene = Scene()
    var actual = scene.actual(["web": ActualContainer(state: .stopping)])
    actual.isBeingRemoved = true
    #expect(scene.plan(actual).actions.isEmpty)
    actual.containers["web"] = scene.exited(0)
    #expect(scene.plan(actual).verbs == [.removePod])
    #expect(scene.plan(actual, images: [:]).verbs == [.removePod], "its images don't matter")
  }
}
