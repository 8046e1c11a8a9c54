import BerthLinux

/// Runs the engine's tasks on threads of its own, where a blocking system call holds up nothing but its own thread. Used as the
/// preferred executor of every pod's task: `Task(executorPreference: pool)`.
public final class ThreadPool: TaskExecutor {
  private let jobs = BlockingQueue<UnownedJob>()

  /// `name` as for `Threads.start`; the threads live as long as the process.
  public init(name: String, threads: Int) {
    let jobs = jobs
    let executor = asUnownedTaskExecutor()
    for number in 0..<threads {
      Threads.start("\(name)-\(number)") {
        while true { jobs.pop().runSynchronously(on: executor) }
      }
    }
  }

  public func enqueue(_ job: consuming ExecutorJob) { jobs.push(UnownedJob(job)) }
}
