import BerthCore
import BerthLinux
import BerthOCI

/// The life of the launcher: a fork of the caller that starts one process, tells the caller, and ends.
enum LauncherProcess {
  static func run(
    _ prepare: () throws(BerthError) -> PreparedLaunch, result: Int32, cloned: UnsafeMutablePointer<Int32>
  ) -> Never {
    let outcome: LaunchResult
    var pidfd: Int32?
    do throws(BerthError) {
      let launch = try prepare()
      outcome = perform(launch, &pidfd, cloned)
    } catch { outcome = .failed(error, pid: nil, cgroup: nil) }
    do throws(Errno) { try DescriptorSocket.send(outcome.encoded(), passing: pidfd, over: result) } catch {
      // The caller learns of it by the closed socket.
      Children.leave(1)
    }
    Children.leave(0)
  }

  /// 1. on v2, make the cgroup  2. clone  3. on v1, make the cgroup, while the child mounts, and say so  4. answer the child's
  /// synchronisation: the membership is verified  5. hear that it executes. A process that joins others finds the cgroup made.
  private static func perform(_ launch: PreparedLaunch, _ pidfd: inout Int32?, _ shared: UnsafeMutablePointer<Int32>) -> LaunchResult {
    var pid: Int32?
    do throws(BerthError) {
      let reports = try socketPair()
      let isV2 = launch.cgroup.layout.version == .v2
      if isV2, let resources = launch.resources { try launch.cgroup.create(resources) }
      var cloned = try clone(launch, reports, shared)
      pid = cloned.pid
      pidfd = cloned.pidfd
      let socket = reports.takeFirst()
      try cloned.complete(launch.plan, socket.raw, id: launch.id)
      do throws(BerthError) { if !isV2 { try prepareCgroup(cloned.pid, launch) } } catch {
        // Where the process is gone by then, why it went says more.
        Children.kill(cloned.pid)
        let report = try listen(socket, launch, cloned)
        throw report.hasSpoken ? report.failure ?? error : error
      }
      if launch.plan.awaitsCgroup { LaunchReport.sayWord(over: socket.raw) }
      let report = try listen(socket, launch, cloned)
      if let failure = report.failure { throw failure }
      return .launched(
        pid: cloned.pid, startTimeTicks: cloned.startTimeTicks, uid: launch.user.uid, gid: launch.user.gid,
        warnings: launch.warnings + cloned.warnings + report.warnings)
    } catch {
      if let pid { Children.kill(pid) }
      return .failed(error, pid: pid, cgroup: launch.resources == nil ? nil : launch.cgroup)
    }
  }

  private static func socketPair() throws(BerthError) -> DescriptorSocket.Pair {
    do throws(Errno) { return try DescriptorSocket.Pair() } catch {
      throw BerthError(.resourceExhausted, "launch", cause: error.description)
    }
  }

  private static func clone(
    _ launch: PreparedLaunch, _ reports: borrowing DescriptorSocket.Pair, _ shared: UnsafeMutablePointer<Int32>
  ) throws(BerthError) -> ContainerBirth {
    let directory = try launch.cgroup.openForClone()
    let cgroup: Int32 =
      switch directory {
      case .some(let open): open.raw
      case .none: -1
      }
    return try ContainerBirth(
      launch.plan, reports: (reports.first.raw, reports.second.raw), isSibling: true, cgroup: cgroup, shared: shared, id: launch.id)
  }

  private static func prepareCgroup(_ pid: Int32, _ launch: PreparedLaunch) throws(BerthError) {
    if let resources = launch.resources { try launch.cgroup.create(resources) }
    if !launch.plan.joinsCgroup { try launch.cgroup.attach(pid) }
  }

  private static func listen(
    _ socket: borrowing FD, _ launch: PreparedLaunch, _ process: ContainerBirth
  ) throws(BerthError) -> LaunchReport {
    var refusal: BerthError?
    let report: LaunchReport
    do throws(Errno) {
      report = try LaunchReport.read(from: socket, .plan(launch.plan), id: launch.id) { point in
        guard point == InitPlan.cgroupAttached else { return .goOn }
        do throws(BerthError) {
          try launch.cgroup.verify(process.pid)
          return .goOn
        } catch {
          // As in `DirectLaunch`.
          if Descriptors.becomesReadable(process.pidfd, within: 100) { return .goOn }
          refusal = error
          Children.kill(process.pid)
          return .refuse
        }
      }
    } catch { throw BerthError(.bug, "launch", launch.id, cause: "read reports: \(error)") }
    if let refusal { throw refusal }
    return report
  }
}
