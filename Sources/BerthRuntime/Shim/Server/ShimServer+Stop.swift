import BerthCore
import BerthLinux

extension ShimServer {
  /// After the grace period's end the kill is repeated at this interval, in nanoseconds, until the container has ended.
  private static let killInterval: Int64 = 1_000_000_000

  func stop(_ container: SupervisedContainer, signal: Int32, graceMilliseconds: UInt64) throws(BerthError) {
    try check(signal, "stop container", container.name)
    if container.hasEnded { return }
    let grace = Int64(clamping: graceMilliseconds).multipliedReportingOverflow(by: 1_000_000)
    let deadline = BootTime.now.after(nanoseconds: grace.overflow ? .max : grace.partialValue)
    if let known = container.stop {
      container.stop?.deadline = min(known.deadline, deadline)
    } else {
      container.stop = SupervisedContainer.StopTimer(signal: signal, deadline: deadline)
      // One that is still being launched gets it once it runs.
      try? container.signal(signal)
    }
    if graceMilliseconds == 0 { killOverdue() } else { armTimer() }
  }

  func signal(_ container: SupervisedContainer, _ number: Int32) throws(BerthError) {
    try check(number, "signal container", container.name)
    guard container.initRecord != nil else {
      let cause = container.hasEnded ? "it has ended" : "it is being started"
      throw BerthError(.failedPrecondition, "signal container", container.name, cause: cause)
    }
    do throws(Errno) { try container.signal(number) } catch { throw error.wrapped("signal container", container.name) }
  }

  private func check(_ signal: Int32, _ operation: String, _ name: String) throws(BerthError) {
    guard (1...64).contains(signal) else {
      throw BerthError(.invalidArgument, operation, name, cause: "\(signal) is no signal's number")
    }
  }

  /// Ends every container whose grace period is over.
  func killOverdue() {
    let now = BootTime.now
    for container in containers {
      guard let stop = container.stop, stop.deadline <= now, !container.hasEnded else { continue }
      // The init's end takes its pid namespace along; the group also has what joined it from outside.
      try? container.signal(9)
      try? container.cgroup.killAll()
      container.stop?.deadline = now.after(nanoseconds: Self.killInterval)
    }
    armTimer()
  }
}
