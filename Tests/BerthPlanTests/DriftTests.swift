import BerthCore
import BerthManifest
import BerthPlan
import Testing

@Suite("Planner: what was changed by hand")
struct DriftTests {
  private static let now = Instant(nanoseconds: 1_000_000_000_000)

  private func verbs(_ drift: [Drift], _ change: (inout PodSpec) -> Void = { _ in }, image: ImageState = .present(digest: "d1"))
    -> [PodAction.Verb]
  {
    plan(drift, change, image: image).actions.map(\.verb)
  }

  private func plan(_ drift: [Drift], _ change: (inout PodSpec) -> Void = { _ in }, image: ImageState = .present(digest: "d1")) -> PodPlan {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.containers = [ContainerSpec(name: "web", image: "example:1", imagePullPolicy: .ifNotPresent)]
    change(&spec)
    var actual = ActualPod(
      uid: "u1", hash: "h1", spec: spec, sandbox: .ready, containers: ["web": ActualContainer(state: .running(since: Self.now))])
    actual.drift = drift
    return BerthPlan.plan(desired: DesiredPod(spec: spec, hash: "h1"), actual: actual, images: ["example:1": image], now: Self.now)
  }

  @Test("files and limits are put back, a lost mount restarts its container, a lost interface makes the pod anew") func repair() {
    #expect(verbs([.files(volume: "conf", names: ["a"])]) == [.updateVolume(name: "conf")])
    #expect(verbs([.limits(container: nil, names: ["pids.max"])]) == [.updateResources(container: nil)])
    #expect(verbs([.mounts(container: "web", paths: ["/x"])]) == [.stopContainer(name: "web", purpose: .restart)])
    #expect(verbs([.interfaces(names: ["eth0"])]).first == .stopContainer(name: "web"))
  }

  @Test("a pod that runs once isn't ended for it") func once() {
    #expect(verbs([.mounts(container: "web", paths: ["/x"]), .interfaces(names: ["eth0"])]) { $0.restartPolicy = .never } == [])
  }

  @Test("with \"warn\" nothing is done") func warn() {
    let all: [Drift] = [.files(volume: "conf", names: ["a"]), .interfaces(names: ["eth0"]), .image(reference: "example:1")]
    #expect(verbs(all, { $0.onDrift = .warn }, image: .absent) == [])
  }

  @Test("an image that is gone is pulled again, once, and what fails waits its turn; the pod runs on") func image() {
    let gone: [Drift] = [.image(reference: "example:1")]
    #expect(verbs(gone, image: .absent) == [.pullImage(reference: "example:1")])
    #expect(verbs(gone, image: .pulling) == [])
    #expect(verbs(gone) == [])
    let later = Self.now + .seconds(5)
    let failed = plan(gone, image: .failed(message: "no route", retryAt: later))
    #expect(failed.actions.isEmpty && failed.wakeAt == later && failed.waitingFor == nil)
    #expect(verbs(gone, image: .failed(message: "no route", retryAt: Self.now)) == [.pullImage(reference: "example:1")])
    // One that the pod wasn't made from is no reason to pull.
    #expect(verbs([.limits(container: nil, names: ["pids.max"])], image: .absent) == [.updateResources(container: nil)])
  }
}
