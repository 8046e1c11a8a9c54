import BerthCore
import BerthManifest
import BerthPlan
import Testing

@Suite("Forecast: all that will be done")
struct ForecastTests {
  private let now = Instant(nanoseconds: 1_000_000_000_000)

  private func pod(_ hash: String, _ names: [String] = ["web"], initNames: [String] = [], image: String = "a:1") -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.containers = names.map { ContainerSpec(name: $0, image: image, imagePullPolicy: .ifNotPresent) }
    spec.initContainers = initNames.map { ContainerSpec(name: $0, image: image, imagePullPolicy: .ifNotPresent) }
    return DesiredPod(spec: spec, hash: hash)
  }

  private func running(_ pod: DesiredPod) -> ActualPod {
    var actual = ActualPod(uid: "u", hash: pod.hash, spec: pod.spec, sandbox: .ready)
    for container in pod.spec.containers { actual.containers[container.name] = ActualContainer(state: .running(since: now)) }
    return actual
  }

  private func verbs(_ desired: DesiredPod?, _ actual: ActualPod?, images: [String: ImageState] = ["a:1": .present(digest: "d")])
    -> [String]
  {
    forecast(desired: desired, actual: actual, images: images, now: now).actions.map(\.verb.text)
  }

  @Test("nothing to do is nothing to do")
  func nothing() {
    #expect(verbs(pod("a"), running(pod("a"))) == [])
    #expect(verbs(nil, nil) == [])
  }

  @Test("a new pod: from its image to its last container, init containers first")
  func creation() {
    #expect(
      verbs(pod("a", ["x", "y"], initNames: ["i", "j"]), nil, images: [:]) == [
        "pull image a:1", "create pod", "start container i", "start container j", "start container x", "start container y",
      ])
  }

  @Test("a pod that waits for others: what is done once they have come so far")
  func dependencies() {
    let plan = forecast(
      desired: pod("a"), actual: nil, images: ["a:1": .present(digest: "d")], unmet: ["pod default/db to be ready"], now: now)
    #expect(plan.actions.map(\.verb.text) == ["create pod", "start container web"])
    #expect(plan.waitingFor == "pod default/db to be ready")
  }

  @Test("a pod that is made anew: the new image before the old pod's end, and all that follows")
  func recreation() {
    #expect(
      verbs(pod("b", image: "b:1"), running(pod("a")), images: [:]) == [
        "pull image b:1", "stop container web", "remove pod", "create pod", "start container web",
      ])
  }

  @Test("a container that comes, or goes, leaves the others alone")
  func comeAndGo() {
    #expect(verbs(pod("b", ["x", "y"]), running(pod("a", ["x"]))) == ["update pod", "start container y"])
    #expect(verbs(pod("b", ["x"]), running(pod("a", ["x", "y"]))) == ["stop container y", "remove container y", "update pod"])
    #expect(
      verbs(pod("b", ["x", "y"], image: "b:1"), running(pod("a", ["x"])), images: ["b:1": .present(digest: "d")]).contains("remove pod"))
  }

  @Test("a new container's image is fetched before anything else; one that the pod had before makes it anew")
  func comesWithImage() {
    var desired = pod("b", ["x", "y"])
    desired.spec.containers[1].image = "b:1"
    #expect(verbs(desired, running(pod("a", ["x"]))) == ["pull image b:1", "update pod", "start container y"])
    var before = running(pod("a", ["x"]))
    before.containers["y"] = ActualContainer(
      state: .exited(ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)))
    #expect(verbs(pod("b", ["x", "y"]), before).contains("remove pod"))
  }

  @Test("a container with published ports makes the pod anew: its network publishes them")
  func ports() {
    var desired = pod("b", ["x", "y"])
    var port = PortSpec(container: 80)
    port.host = 8080
    desired.spec.containers[1].ports = [port]
    #expect(verbs(desired, running(pod("a", ["x"]))).contains("remove pod"))
  }

  @Test("removal: last container first, then the pod")
  func removal() {
    #expect(verbs(nil, running(pod("a", ["x", "y"]))) == ["stop container y", "stop container x", "remove pod"])
  }

  @Test("it ends for every pair of specs, and its last step leaves nothing to do")
  func ends() {
    let pods = [
      pod("a"), pod("b", ["x", "y"]), pod("c", ["y"], initNames: ["i"]), pod("d", image: "b:1"), pod("e", ["y", "x"]),
      pod("f", ["z", "x"]),
    ]
    for from in pods {
      for to in pods {
        let all = forecast(desired: to, actual: running(from), images: [:], now: now).actions
        #expect(all.count < 30, "\(from.hash) → \(to.hash)")
        #expect(from.hash == to.hash || !all.isEmpty)
      }
    }
  }
}
