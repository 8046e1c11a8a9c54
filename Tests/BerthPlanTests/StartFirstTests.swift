import BerthCore
import BerthManifest
import BerthPlan
import Testing

/// A pod whose image changes and that is to be updated with the new instance first.
private struct Update {
  let now = Instant(nanoseconds: 1_000_000_000_000)
  var old = Update.pod("v1", image: "a:1")
  var new = Update.pod("v2", image: "a:2")
  var images: [String: ImageState] = ["a:1": .present(digest: "d1"), "a:2": .present(digest: "d2")]

  static func pod(_ hash: String, image: String) -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.update.strategy = .startFirst
    spec.containers = [ContainerSpec(name: "web", image: image, imagePullPolicy: .ifNotPresent)]
    return DesiredPod(spec: spec, hash: hash)
  }

  func running(_ pod: DesiredPod, uid: String, isReady: Bool = true) -> ActualPod {
    var actual = ActualPod(uid: uid, hash: pod.hash, spec: pod.spec, sandbox: .ready)
    for container in pod.spec.containers {
      let health = HealthVerdict(isStarted: true, isReady: isReady)
      actual.containers[container.name] = ActualContainer(state: .running(since: now), health: health)
    }
    return actual
  }

  func plan(_ current: ActualPod?, beside others: OtherInstances = OtherInstances(), gone: Bool = false) -> PodPlan {
    BerthPlan.plan(desired: gone ? nil : new, actual: current, beside: others, images: images, now: now)
  }
}

@Suite("Planner: updates that start first")
struct StartFirstTests {
  private let update = Update()

  private func texts(_ plan: PodPlan) -> [String] { plan.actions.map(\.text) }

  @Test("the new instance is made beside the one that serves, which is not touched") func beside() {
    let plan = update.plan(update.running(update.old, uid: "1"))
    #expect(texts(plan) == ["create pod (new instance)", "start container web (new instance)"])
    #expect(plan.actions.first?.reason == "container.web.image changed (start-first)")
  }

  @Test("its image is pulled first") func imageFirst() {
    var update = update
    update.images["a:2"] = .absent
    #expect(texts(update.plan(update.running(update.old, uid: "1"))) == ["pull image a:2"])
  }

  @Test("until it is ready nothing is stopped, however it fares") func unready() {
    let old = update.running(update.old, uid: "1")
    let waiting = update.plan(old, beside: OtherInstances(successor: update.running(update.new, uid: "2", isReady: false)))
    #expect(waiting.actions.isEmpty && waiting.waitingFor == "the new instance to be ready")
    var broken = update.running(update.new, uid: "2")
    broken.containers["web"]?.state = .exited(
      ContainerExit(outcome: .code(1, signal: nil, oomKilled: false), at: update.now, ran: .seconds(1)))
    broken.containers["web"]?.backoffStep = 3
    #expect(update.plan(old, beside: OtherInstances(successor: broken)).actions.isEmpty)
    broken.sandbox = .lost(processesLeft: false)
    #expect(texts(update.plan(old, beside: OtherInstances(successor: broken))) == ["remove pod (new instance)"])
  }

  @Test("once it is ready it takes over, and then alone the old one goes") func takeOver() {
    let (old, new) = (update.running(update.old, uid: "1"), update.running(update.new, uid: "2"))
    #expect(
      texts(update.plan(old, beside: OtherInstances(successor: new, isSuccessorReady: true))) == ["let the new instance take over"])
    #expect(texts(update.plan(new, beside: OtherInstances(leaving: [old]))) == ["stop container web (old instance)"])
    var stopped = old
    stopped.containers = [:]
    #expect(texts(update.plan(new, beside: OtherInstances(leaving: [stopped]))) == ["remove pod (old instance)"])
  }

  @Test("what diff says is the whole update, in its order") func forecast() {
    var update = update
    update.images["a:2"] = nil
    let whole = BerthPlan.forecast(
      desired: update.new, actual: update.running(update.old, uid: "1"), images: update.images, now: update.now)
    #expect(
      texts(whole) == [
        "pull image a:2", "create pod (new instance)", "start container web (new instance)", "let the new instance take over",
        "stop container web (old instance)", "remove pod (old instance)",
      ])
  }

  @Test("the old instance is restarted while it is still needed") func oldGoesOn() {
    var old = update.running(update.old, uid: "1")
    old.containers["web"]?.state = .exited(
      ContainerExit(outcome: .code(1, signal: nil, oomKilled: false), at: update.now, ran: .seconds(1)))
    let plan = update.plan(old, beside: OtherInstances(successor: update.running(update.new, uid: "2", isReady: false)))
    #expect(texts(plan) == ["restart container web (restart 1)"])
  }

  @Test("an old instance that is gone is not waited for") func oldGone() {
    var old = update.running(update.old, uid: "1")
    old.sandbox = .lost(processesLeft: false)
    let others = OtherInstances(successor: update.running(update.new, uid: "2", isReady: false))
    #expect(texts(update.plan(old, beside: others)) == ["let the new instance take over"])
    #expect(texts(update.plan(nil, beside: others)) == ["let the new instance take over"])
  }

  @Test("changed again, or back: the new instance that nobody asks for any more goes, the old one stays") func changedAgain() {
    let old = update.running(update.old, uid: "1")
    let other = OtherInstances(successor: update.running(Update.pod("v3", image: "a:3"), uid: "2"), isSuccessorReady: true)
    #expect(texts(update.plan(old, beside: other)) == ["stop container web (new instance)"])
    var back = update
    back.new = update.old
    let ready = OtherInstances(successor: update.running(update.new, uid: "2"), isSuccessorReady: true)
    #expect(texts(back.plan(old, beside: ready)) == ["stop container web (new instance)"])
  }

  @Test("removal takes both") func removal() {
    let others = OtherInstances(successor: update.running(update.new, uid: "2"))
    #expect(
      texts(update.plan(update.running(update.old, uid: "1"), beside: others, gone: true)) == [
        "stop container web", "stop container web (new instance)",
      ])
  }

  @Test("where both would want the same for themselves the pod is recreated, and told why") func obstacle() {
    var port = PortSpec(container: 80)
    port.host = 8080
    var update = update
    update.old.spec.containers[0].ports = [port]
    update.new.spec.containers[0].ports = [port]
    let plan = update.plan(update.running(update.old, uid: "1"))
    #expect(texts(plan) == ["stop container web"])
    #expect(
      plan.actions.first?.reason == "container.web.image changed (recreate, not start-first: port 8080 of the node is published by both)")
  }
}

@Suite("What keeps two instances of a pod from running side by side")
struct StartFirstObstacleTests {
  private func spec(_ change: (inout PodSpec) -> Void = { _ in }) -> PodSpec {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.containers = [ContainerSpec(name: "web", image: "a:1", imagePullPolicy: .never)]
    change(&spec)
    return spec
  }

  private func port(_ host: UInt16, on address: String? = nil, _ transport: PortSpec.TransportProtocol = .tcp) -> PodSpec {
    var port = PortSpec(container: 80)
    (port.host, port.hostIP, port.transport) = (host, address, transport)
    return spec { $0.containers[0].ports = [port] }
  }

  private func volume(_ source: VolumeSource, readOnly: Bool = false) -> PodSpec {
    var mount = MountSpec(volume: "data", path: "/data")
    mount.readOnly = readOnly
    return spec {
      $0.volumes = [VolumeSpec(name: "data", source: source)]
      $0.containers[0].mounts = [mount]
    }
  }

  @Test("ports: the same number, protocol and address") func ports() {
    #expect(port(8080).startFirstObstacle(to: port(8080)) != nil)
    #expect(port(8080).startFirstObstacle(to: port(8081)) == nil)
    #expect(port(8080).startFirstObstacle(to: port(8080, .udp)) == nil)
    #expect(port(8080, on: "127.0.0.1").startFirstObstacle(to: port(8080)) != nil)
    #expect(port(8080, on: "127.0.0.1").startFirstObstacle(to: port(8080, on: "0.0.0.0")) != nil)
    #expect(port(8080, on: "127.0.0.1").startFirstObstacle(to: port(8080, on: "127.0.0.2")) == nil)
    var alone = port(8080)
    alone.network = .none
    #expect(alone.startFirstObstacle(to: alone) == nil)
  }

  @Test("networks: the node's own, a fixed address") func networks() {
    #expect(spec { $0.network = .host }.startFirstObstacle(to: spec { $0.network = .host }) != nil)
    #expect(spec { $0.network = .host }.startFirstObstacle(to: spec()) == nil)
    #expect(spec { $0.network = .host }.startFirstObstacle(to: spec(), standard: .host) != nil)
    #expect(spec().startFirstObstacle(to: spec(), standard: .host) != nil)
    #expect(spec { $0.network = .none }.startFirstObstacle(to: spec(), standard: .host) == nil)
    var fixed = NetworkAttachment(name: "bridge")
    fixed.addresses = ["10.0.0.7"]
    let pod = spec { $0.network = .attached([fixed]) }
    #expect(pod.startFirstObstacle(to: pod) == "10.0.0.7 is given to both")
    #expect(pod.startFirstObstacle(to: spec { $0.network = .attached([NetworkAttachment(name: "bridge")]) }) == nil)
  }

  @Test("volumes: what outlives the pod and both write to") func volumes() {
    for source in [VolumeSource.persistent(shared: nil), .persistent(shared: "x"), .hostPath(path: "/srv", type: .unchecked)] {
      #expect(volume(source).startFirstObstacle(to: volume(source)) == "volume data is written to by both")
      #expect(volume(source).startFirstObstacle(to: volume(source, readOnly: true)) == nil)
    }
    for source in [VolumeSource.emptyDir(inMemory: false, size: nil), .hostPath(path: "/run/x.sock", type: .socket)] {
      #expect(volume(source).startFirstObstacle(to: volume(source)) == nil)
    }
  }
}
