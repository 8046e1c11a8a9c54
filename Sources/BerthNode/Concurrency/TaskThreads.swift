import BerthLinux
import CBerthTasks

/// The threads on which tasks run that ask for no executor, in the place of libdispatch's: its pool has a timer of its own that goes off
/// every second for as long as the process lives. A daemon at rest is to sleep.
public enum TaskThreads {
  private struct Job: @unchecked Sendable {
    // A job belongs to the queue until it is run, once.
    let pointer: UnsafeMutableRawPointer
  }

  /// Enough for the API and the daemon's own affairs; what may block has threads elsewhere.
  private static let count = 4
  private static let jobs = {
    let jobs = BlockingQueue<Job>()
    for number in 0..<count {
      Threads.start("tasks-\(number)") { while true { berth_task_run(jobs.pop().pointer) } }
    }
    return jobs
  }()

  /// To be called before the first task is made. The threads start with it.
  public static func takeOver() {
    berth_tasks_take_over(
      { job in if let job { TaskThreads.jobs.push(Job(pointer: job)) } },
      { pointer, due in
        guard let pointer else { return }
        let job = Job(pointer: pointer)
        Timers.shared.wake(at: BootTime(nanoseconds: due)) { TaskThreads.jobs.push(job) }
      })
  }
}
