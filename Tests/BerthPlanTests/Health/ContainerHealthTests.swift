import BerthCore
import BerthManifest
import Testing

@testable import BerthPlan

/// A container whose probes are answered by the test, on a clock that the test turns.
private struct Patient {
  var health: ContainerHealth
  var now: Instant
  let start = Instant(nanoseconds: 1_000_000_000_000)

  init(_ spec: LifecycleSpec, known: HealthVerdict? = nil) {
    now = start
    health = ContainerHealth(of: spec, startedAt: start, known: known)
  }

  /// Goes to the next thing that is due and answers it; returns what was asked and when, in seconds from the start.
  mutating func next(_ answer: Bool) -> [String] {
    guard let due = health.wakeAt else { return [] }
    now = max(now, due)
    let tasks = health.takeDue(now)
    for task in tasks { health.finish(task, ProbeResult(answer, answer ? "fine" : "broken"), now) }
    return tasks.map { "\($0.name)@\((now - start).milliseconds / 1000)" }
  }
}

extension HealthTask {
  fileprivate var name: String {
    switch self {
    case .postStart: "post_start"
    case .probe(let kind): kind.rawValue
    }
  }
}

@Suite("Health: what probes and post_start make of a running container")
struct ContainerHealthTests {
  private let tcp = ProbeSpec(.tcpSocket(port: 80))

  private func spec(startup: ProbeSpec? = nil, liveness: ProbeSpec? = nil, readiness: ProbeSpec? = nil, hook: HookSpec? = nil)
    -> LifecycleSpec
  {
    var spec = LifecycleSpec()
    (spec.startupProbe, spec.livenessProbe, spec.readinessProbe, spec.postStart) = (startup, liveness, readiness, hook)
    return spec
  }

  @Test("without probes a container is started, ready and never asked") func nothing() {
    let patient = Patient(spec())
    #expect(patient.health.verdict == .unwatched)
    #expect(patient.health.wakeAt == nil)
  }

  @Test("a readiness probe: not ready before the first success, asked every period") func readiness() {
    var patient = Patient(spec(readiness: tcp))
    #expect(!patient.health.verdict.isReady && patient.health.verdict.isStarted)
    #expect(patient.next(true) == ["readiness@0"])
    #expect(patient.health.verdict.isReady)
    #expect(patient.next(true) == ["readiness@10"])
  }

  @Test("a readiness probe that fails makes it unready after failure_threshold, and never restarts it") func unready() {
    var patient = Patient(spec(readiness: tcp))
    _ = patient.next(true)
    for (answer, isReady) in [(false, true), (false, true), (false, false), (false, false), (true, true)] {
      _ = patient.next(answer)
      #expect(patient.health.verdict.isReady == isReady)
      #expect(patient.health.verdict.failure == nil)
    }
  }

  @Test("success_threshold successes in a row make it ready; a failure between starts the count over") func successThreshold() {
    var probe = tcp
    probe.successThreshold = 2
    var patient = Patient(spec(readiness: probe))
    var seen: [Bool] = []
    for answer in [true, false, true, true] {
      _ = patient.next(answer)
      seen.append(patient.health.verdict.isReady)
    }
    #expect(seen == [false, false, false, true])
  }

  @Test("a liveness probe fails the container after failure_threshold in a row, and is then asked no more") func liveness() {
    var patient = Patient(spec(liveness: tcp))
    for answer in [false, false, true, false, false] {
      _ = patient.next(answer)
      #expect(patient.health.verdict.failure == nil)
    }
    _ = patient.next(false)
    #expect(patient.health.verdict.failure == HealthFailure(.liveness, "broken"))
    #expect(patient.health.wakeAt == nil && patient.next(true) == [])
    #expect(!patient.health.verdict.isReady)
  }

  @Test("liveness and readiness wait for the startup probe") func startup() {
    var slow = tcp
    (slow.period, slow.failureThreshold) = (.seconds(2), 30)
    var patient = Patient(spec(startup: slow, liveness: tcp, readiness: tcp))
    #expect(patient.next(false) == ["startup@0"])
    #expect(patient.next(false) == ["startup@2"])
    #expect(!patient.health.verdict.isStarted && !patient.health.verdict.isReady)
    #expect(patient.next(true) == ["startup@4"])
    #expect(patient.health.verdict.isStarted && !patient.health.verdict.isReady)
    #expect(patient.next(true) == ["liveness@4", "readiness@4"])
    #expect(patient.health.verdict.isReady)
    #expect(patient.next(true) == ["liveness@14", "readiness@14"])
  }

  @Test("a startup probe that fails to its threshold restarts the container") func startupFails() {
    var patient = Patient(spec(startup: tcp))
    for _ in 0..<3 { _ = patient.next(false) }
    #expect(patient.health.verdict.failure?.words == "startup probe failed: broken")
  }

  @Test("initial_delay counts from the container's start") func initialDelay() {
    var probe = tcp
    probe.initialDelay = .seconds(5)
    var patient = Patient(spec(liveness: probe))
    #expect(patient.next(true) == ["liveness@5"])
    #expect(patient.next(true) == ["liveness@15"])
  }

  @Test("a probe under way is not asked again; one that outlasts its period is followed at once") func slow() {
    var patient = Patient(spec(liveness: tcp))
    #expect(patient.health.takeDue(patient.now) == [.probe(.liveness)])
    let later = patient.now + .seconds(12)
    #expect(patient.health.takeDue(later) == [] && patient.health.wakeAt == nil)
    patient.health.finish(.probe(.liveness), ProbeResult(true, ""), later)
    #expect(patient.health.wakeAt == later)
  }

  @Test("post_start comes before every probe, and its failure restarts the container") func hook() {
    var patient = Patient(spec(readiness: tcp, hook: .sleep(.seconds(1))))
    #expect(!patient.health.verdict.isStarted)
    #expect(patient.next(true) == ["post_start@0"])
    #expect(patient.next(true) == ["readiness@0"])
    #expect(patient.health.verdict.isReady)
    var failing = Patient(spec(readiness: tcp, hook: .sleep(.seconds(1))))
    _ = failing.next(false)
    #expect(failing.health.verdict.failure?.words == "post_start failed: broken")
    #expect(failing.health.wakeAt == nil)
  }

  @Test("a later daemon neither repeats what was started nor makes a ready container unready") func known() {
    var patient = Patient(
      spec(startup: tcp, readiness: tcp, hook: .sleep(.seconds(1))), known: HealthVerdict(isStarted: true, isReady: true))
    #expect(patient.health.verdict.isReady)
    #expect(patient.next(true) == ["readiness@0"])
  }
}
