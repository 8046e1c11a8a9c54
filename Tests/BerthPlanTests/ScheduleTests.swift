import BerthCore
import BerthManifest
import BerthPlan
import BerthTestSupport
import Testing

/// A job of `0 * * * *` (UTC) that has one container.
private struct Job {
  var schedule: ScheduleSpec
  /// 2026-01-01T00:00:00Z.
  static let midnight: Int64 = 1_767_225_600
  let now = Instant(nanoseconds: 5_000_000_000_000)

  init(_ expression: String = "0 * * * *") throws { schedule = ScheduleSpec(try #require(CronExpression(expression))) }

  func turn(last: Int64, at seconds: Int64) -> ScheduledTurn {
    ScheduledTurn(schedule, in: .utc, last: last, wallNow: Timestamp(nanoseconds: seconds * 1_000_000_000), now: now)
  }

  func desired(_ turn: ScheduledTurn, hash: String = "h") -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "job"))
    spec.containers = [ContainerSpec(name: "job", image: "a:1", imagePullPolicy: .ifNotPresent)]
    spec.schedule = schedule
    spec.restartPolicy = .never
    var pod = DesiredPod(spec: spec, hash: hash)
    pod.turn = turn
    return pod
  }

  func actual(run: Int64?, _ state: ContainerState) -> ActualPod {
    let desired = desired(ScheduledTurn())
    var pod = ActualPod(uid: "u", hash: "h", spec: desired.spec, sandbox: .ready, containers: ["job": ActualContainer(state: state)])
    pod.scheduledFor = run
    return pod
  }

  var ended: ContainerState { .exited(ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .seconds(1))) }

  func plan(_ desired: DesiredPod, _ actual: ActualPod?) -> PodPlan {
    BerthPlan.plan(desired: desired, actual: actual, images: ["a:1": .present(digest: "d")], now: now)
  }
}

extension PodPlan { fileprivate var texts: [String] { actions.map(\.verb.text) } }

@Suite("Schedules: which run is due")
struct ScheduleTests {
  private let midnight = Job.midnight

  @Test("between two runs: nothing is due, the next is known") func between() throws {
    let job = try Job()
    let turn = job.turn(last: midnight, at: midnight + 1800)
    #expect(turn.due == nil && turn.next == job.now + .seconds(1800))
  }

  @Test("at its time, and for as long as it has not been begun, a run is due; of many missed ones the newest alone") func due() throws {
    let job = try Job()
    #expect(job.turn(last: midnight, at: midnight + 3600).due == midnight + 3600)
    #expect(job.turn(last: midnight, at: midnight + 3599).due == nil)
    #expect(job.turn(last: midnight, at: midnight + 10 * 3600 + 5).due == midnight + 10 * 3600)
  }

  @Test("starting_deadline: a run that is later isn't begun any more, and told") func deadline() throws {
    var job = try Job()
    job.schedule.startingDeadline = .seconds(60)
    #expect(job.turn(last: midnight, at: midnight + 3660).due == midnight + 3600)
    let late = job.turn(last: midnight, at: midnight + 3661)
    #expect(late.due == nil && late.missed == midnight + 3600)
  }

  @Test("a clock that is put right by a little repeats no run; one that was wrong by more starts over from now") func jumps() throws {
    let job = try Job()
    let back = job.turn(last: midnight, at: midnight - 1800)
    #expect(back.due == nil && back.next == job.now + .seconds(1800 + 3600))
    #expect(ScheduledTurn.start(after: [midnight], now: midnight - 1800) == midnight)
    #expect(ScheduledTurn.start(after: [midnight + 400 * 86_400], now: midnight) == nil)
    #expect(ScheduledTurn.start(after: [midnight - 7200, .min], now: midnight) == midnight - 7200)
    #expect(job.turn(last: midnight, at: midnight + 365 * 86_400 + 1).due == midnight + 365 * 86_400)
  }

  @Test("what is planned") func plans() throws {
    var job = try Job()
    let next = job.now + .seconds(60)
    let waiting = job.desired(ScheduledTurn(next: next))
    let due = job.desired(ScheduledTurn(due: midnight + 3600, next: next))
    #expect(job.plan(waiting, nil).texts == [] && job.plan(waiting, nil).wakeAt == next && job.plan(waiting, nil).isConverged)
    #expect(job.plan(due, nil).texts == ["create pod", "start container job"])
    let running = job.actual(run: midnight, .running(since: job.now))
    let ended = job.actual(run: midnight, job.ended)
    #expect(job.plan(waiting, ended).isConverged && job.plan(waiting, running).isConverged)
    #expect(job.plan(due, ended).texts == ["remove pod"])
    #expect(job.plan(due, running).texts == [], "forbid: it waits for the end")
    #expect(job.plan(due, job.actual(run: midnight + 3600, job.ended)).isConverged, "that very run has been")
    let edited = job.desired(ScheduledTurn(next: next), hash: "other")
    #expect(job.plan(edited, running).texts == [] && job.plan(edited, ended).texts == [], "a run keeps the spec it began with")
    #expect(job.plan(waiting, job.actual(run: nil, .running(since: job.now))).texts == ["stop container job"], "it was no job before")
    job.schedule.concurrencyPolicy = .replace
    #expect(job.plan(job.desired(ScheduledTurn(due: midnight + 3600)), running).texts == ["stop container job"])
  }

  @Test("allow: the run that goes on makes room for the next, up to a limit; earlier ones end by themselves, or with their pod")
  func allow() throws {
    var job = try Job()
    job.schedule.concurrencyPolicy = .allow
    let due = job.desired(ScheduledTurn(due: midnight + 3600))
    let running = job.actual(run: midnight, .running(since: job.now))
    #expect(job.plan(due, running).texts == ["let the run go on beside the next"])
    #expect(job.plan(due, job.actual(run: midnight, job.ended)).texts == ["remove pod"])
    let edited = job.desired(ScheduledTurn(due: midnight + 3600), hash: "other")
    #expect(job.plan(edited, running).texts == ["let the run go on beside the next"])

    func beside(_ states: [ContainerState], _ desired: DesiredPod?, _ actual: ActualPod?) -> PodPlan {
      var others = OtherInstances()
      for (at, state) in states.enumerated() {
        var run = job.actual(run: midnight - 3600, state)
        (run.uid, run.isEarlierRun) = ("earlier\(at)", true)
        others.leaving.append(run)
      }
      return BerthPlan.plan(desired: desired, actual: actual, beside: others, images: ["a:1": .present(digest: "d")], now: job.now)
    }
    let live = ContainerState.running(since: job.now)
    #expect(beside([live], due, nil).texts == ["create pod", "start container job"])
    #expect(beside([live, job.ended], due, job.actual(run: midnight + 3600, live)).actions.map(\.text) == ["remove pod (old instance)"])
    #expect(beside([live], nil, running).texts == ["stop container job", "stop container job"], "its manifest is gone")
    let full = beside(Array(repeating: live, count: ScheduleSpec.runsLimit - 1), due, running)
    #expect(full.texts == [] && full.waitingFor?.contains("one of 10 runs to end") == true)
    job.schedule.concurrencyPolicy = .replace
    let replaced = beside([live], job.desired(ScheduledTurn()), job.actual(run: midnight, live))
    #expect(replaced.actions.map(\.text) == ["stop container job (old instance)"])
  }

  @Test("berth diff shows a due run to its end") func forecasts() throws {
    let job = try Job()
    let whole = forecast(
      desired: job.desired(ScheduledTurn(due: midnight)), actual: job.actual(run: midnight - 3600, job.ended),
      images: ["a:1": .present(digest: "d")], now: job.now)
    #expect(whole.actions.map(\.verb.text) == ["remove pod", "create pod", "start container job"])
  }

  @Test("a year of a nightly job with the daemon away for random spans: no run comes twice, the newest missed one is made up for")
  func year() throws {
    let job = try Job("30 2 * * *")
    var generator = SeededGenerator(seed: 7)
    var last = midnight
    var runs: [Int64] = []
    var time = midnight
    while time < midnight + 365 * 86_400 {
      let turn = job.turn(last: last, at: time)
      if let due = turn.due {
        #expect(due > last && due <= time)
        runs.append(due)
        last = due
        continue
      }
      let next = try #require(turn.next)
      time += (next - job.now).nanoseconds / 1_000_000_000
      if generator.next() % 4 == 0 { time += Int64(generator.next() % 500_000) }
    }
    #expect(Set(runs).count == runs.count && runs == runs.sorted() && runs.count > 150)
    #expect(runs.allSatisfy { $0 % 86_400 == 2 * 3600 + 1800 })
  }
}
