import BerthCore
import BerthLinux
import BerthPlan
import Synchronization

/// Runs pulls from registries in the order of `PullLine`, each on a thread of its own for as long as it takes.
final class PullQueue: Sendable {
  struct Job: Sendable {
    /// Blocks until the pull is over. To be called whenever something has come of it.
    var run: @Sendable (_ moved: @escaping @Sendable () -> Void) -> Void
    /// In the place of `run`, where the node has no thread for it.
    var refuse: @Sendable (BerthError) -> Void
  }
  private struct State {
    var line: PullLine
    /// That have not begun.
    var jobs: [Int: Job] = [:]
    var alarm: (any EngineAlarm)?
  }
  private let clock: any EngineClock
  private let state: Mutex<State>

  init(limit: Int, clock: any EngineClock = SystemClock()) {
    self.clock = clock
    state = Mutex(State(line: PullLine(limit: limit)))
  }

  func add(from registry: String, _ job: Job) {
    state.withLock { $0.jobs[$0.line.add(from: registry)] = job }
    advance()
  }

  private func advance() {
    let due = state.withLock { state -> [(Int, Job)] in
      var due: [(Int, Job)] = []
      while let number = state.line.begin(now: clock.now) {
        if let job = state.jobs.removeValue(forKey: number) { due.append((number, job)) }
      }
      state.alarm?.cancel()
      state.alarm = state.line.nextLook.map { clock.wake(at: $0) { [weak self] in self?.advance() } }
      return due
    }
    for (number, job) in due { start(number, job) }
  }

  private func start(_ number: Int, _ job: Job) {
    do throws(Errno) {
      try NativeThread.startDetached { [self] in
        job.run { [self] in state.withLock { $0.line.moved(number, now: clock.now) } }
        end(number)
      }
    } catch {
      job.refuse(BerthError(.resourceExhausted, "pull image", cause: "no thread for it: \(error)"))
      // Not `advance`: what waits begins with the next that ends, or comes.
      state.withLock { $0.line.remove(number) }
    }
  }

  private func end(_ number: Int) {
    state.withLock { $0.line.remove(number) }
    advance()
  }
}
