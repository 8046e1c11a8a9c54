import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import Testing

@testable import BerthPods

@Suite("how far a pod had come before the node went down")
struct PodPastTests {
  private static let fixture =
    Files.parent(of: Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))) + "/Tests/Fixtures/pod-past/v1.json"
  private static let uid = "107a808e-101e-44f0-b3c8-e966944e5269"

  private func spec(_ policy: RestartPolicy, _ names: String...) -> PodSpec {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "web"))
    spec.restartPolicy = policy
    spec.containers = names.map { ContainerSpec(name: $0, image: "example:1", imagePullPolicy: .ifNotPresent) }
    return spec
  }

  private func exited(_ code: Int32, attempt: UInt32 = 0) -> ActualContainer {
    ActualContainer(
      attempt: attempt,
      state: .exited(
        ContainerExit(outcome: .code(code, signal: nil, oomKilled: false), at: Instant(nanoseconds: 5), ran: .seconds(1))))
  }
  private var running: ActualContainer { ActualContainer(attempt: 3, state: .running(since: Instant(nanoseconds: 5))) }

  private func observation(_ spec: PodSpec, _ containers: [String: ActualContainer]) -> PodObservation {
    var observation = PodObservation(
      actual: ActualPod(uid: Self.uid, hash: "h", spec: spec, sandbox: .ready, containers: containers), generation: 2,
      source: "/m/web.toml", images: [:])
    for (name, container) in containers {
      observation.containers[name] = ContainerDetails(
        id: "i", pid: nil, startedAt: Timestamp(nanoseconds: 1_000), finishedAt: container.hasEnded ? Timestamp(nanoseconds: 2_000) : nil,
        logPath: "/l")
    }
    return observation
  }

  @Test("what version 1 wrote is read, and written as it was")
  func versionOne() throws {
    let bytes = try Files.read(Self.fixture)
    let past = try #require(PodPast(json: try JSON(parsing: bytes)))
    #expect(past.uid == Self.uid && past.generation == 3 && past.goesOn && past.scheduledFor == 1_795_417_200)
    #expect(past.containers["job"]?.end?.outcome == .code(137, signal: 9, oomKilled: true))
    #expect(past.containers["lost"]?.end?.outcome == .startFailed(StartFailure(.notFound, "launch: no such file")))
    #expect(past.containers["web"] == PodPast.Container(attempt: 4))
    #expect(String(decoding: past.json.encoded(), as: UTF8.self) + "\n" == String(decoding: bytes, as: UTF8.self))
  }

  @Test("what a newer version wrote is read as far as it is understood; half a text and another's uid are none")
  func newer() throws {
    var json = try #require(try JSON(parsing: Files.read(Self.fixture)).object)
    let past = try #require(PodPast(json: .object(json)))
    json["version"] = 2
    json["what_nobody_knows_yet"] = 1
    #expect(PodPast(json: .object(json)) == past)
    json["uid"] = "../../etc"
    #expect(PodPast(json: .object(json)) == nil)
    #expect(PodPast(json: [:]) == nil)
  }

  @Test("nothing begun is no past; what runs goes on, but where nothing may run twice")
  func goingOn() throws {
    #expect(PodPast(of: observation(spec(.always, "a"), [:]), after: nil) == nil)
    for policy in [RestartPolicy.always, .onFailure] {
      let past = try #require(PodPast(of: observation(spec(policy, "a"), ["a": running]), after: nil))
      #expect(past.goesOn && past.record(spec: spec(policy, "a")) == nil)
      #expect(past.attempts == ["a": PastAttempt(attempt: 3, succeeded: false)])
    }
    let once = try #require(PodPast(of: observation(spec(.never, "a"), ["a": running]), after: nil))
    let record = try #require(once.record(spec: spec(.never, "a")))
    #expect(record.failure?.reason == "Interrupted" && record.isReleased && record.uid == Self.uid)
    #expect(record.containers["a"]?.attempt == 3 && record.containers["a"]?.exit?.exitCode == nil)
    #expect(PodRecord(json: record.json) == record)
  }

  @Test("a job that has ended keeps how, and is no failure for having been interrupted")
  func ended() throws {
    let past = try #require(PodPast(of: observation(spec(.never, "a"), ["a": exited(42)]), after: nil))
    let record = try #require(past.record(spec: spec(.never, "a")))
    #expect(record.failure == nil && record.containers["a"]?.exit?.exitCode == 42)
    #expect(record.containers["a"]?.exit?.finishedAt == Timestamp(nanoseconds: 2_000))
  }

  @Test("an end that came of a shutdown is kept and isn't taken for work that was done")
  func stopped() throws {
    let before = PodPast(of: observation(spec(.onFailure, "a", "b"), ["a": exited(0), "b": running]), after: nil)
    var going = observation(spec(.onFailure, "a", "b"), ["a": exited(0), "b": exited(0, attempt: 3)])
    going.actual.isBeingRemoved = true
    let past = try #require(PodPast(of: going, after: before))
    #expect(past.goesOn)
    #expect(past.attempts == ["a": PastAttempt(attempt: 0, succeeded: true), "b": PastAttempt(attempt: 3, succeeded: false)])
    #expect(past.containers["b"]?.end?.outcome == .code(0, signal: nil, oomKilled: false))
    // Nothing changes when it is looked at again.
    #expect(PodPast(of: going, after: past) == past)
  }

  @Test("a pod that had ended before it was to go stays ended")
  func endedThenStopped() throws {
    let before = PodPast(of: observation(spec(.onFailure, "a"), ["a": exited(0)]), after: nil)
    var going = observation(spec(.onFailure, "a"), ["a": exited(0)])
    going.actual.isBeingRemoved = true
    let past = try #require(PodPast(of: going, after: before))
    #expect(past.isOver && past.attempts["a"]?.succeeded == true)
  }
}
