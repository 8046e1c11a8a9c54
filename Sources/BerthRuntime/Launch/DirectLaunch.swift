import BerthCore
import BerthLinux

/// A process that was cloned by this very process, and is this one's child: for a runtime that ends when its container runs. Nothing is
/// prepared in a launcher of its own, since the runtime is one.
public struct DirectLaunch: ~Copyable {
  public let pid: Int32
  /// Readable when the process has ended.
  public let pidfd: FD
  public let startTimeTicks: UInt64
  private let reports: FD
  private let plan: InitPlan
  private let outsideWarnings: [String]
  private let id: String

  /// How far the process got.
  public enum Outcome: Sendable {
    case executing(warnings: [String])
    /// At the gate.
    case created(warnings: [String])
  }

  /// Clones. `cgroup`: the directory to be born in (v2). The caller is single-threaded.
  public init(_ plan: InitPlan, id: String, cgroup: borrowing FD?) throws(BerthError) {
    let directory: Int32 =
      switch cgroup {
      case .some(let open): open.raw
      case .none: -1
      }
    let pair = try Self.socketPair(id)
    let shared = try Self.sharedNumber(id)
    defer { if shared.pointer[1] > 0 { _ = try? Children.wait(for: shared.pointer[1]) } }
    var birth = try ContainerBirth(
      plan, reports: (pair.first.raw, pair.second.raw), isSibling: false, cgroup: directory, shared: shared.pointer, id: id)
    let reports = pair.takeFirst()
    do throws(BerthError) { try birth.complete(plan, reports.raw, id: id) } catch {
      Children.kill(birth.pid)
      _ = try? Children.wait(for: birth.pid)
      throw error
    }
    pid = birth.pid
    pidfd = FD(owning: birth.pidfd)
    startTimeTicks = birth.startTimeTicks
    self.reports = reports
    self.plan = plan
    outsideWarnings = birth.warnings
    self.id = id
  }

  private static func socketPair(_ id: String) throws(BerthError) -> DescriptorSocket.Pair {
    do throws(Errno) { return try DescriptorSocket.Pair() } catch { throw error.wrapped("make launch socket", id) }
  }

  private static func sharedNumber(_ id: String) throws(BerthError) -> SharedNumber {
    do throws(Errno) { return try SharedNumber() } catch { throw error.wrapped("share memory", id) }
  }

  /// To be said once the cgroup that the plan's process joins is there.
  public borrowing func cgroupIsMade() { if plan.awaitsCgroup { LaunchReport.sayWord(over: reports.raw) } }

  /// Hears the process out. `atPoint` is called at each synchronisation point but the gate; what it throws ends the process. Whatever
  /// goes wrong, the process is killed and reaped before this throws.
  public borrowing func follow(_ atPoint: (UInt32) throws(BerthError) -> Void) throws(BerthError) -> Outcome {
    let report: LaunchReport
    var refusal: BerthError?
    let (pid, process) = (self.pid, pidfd.raw)
    do throws(Errno) {
      report = try withoutActuallyEscaping(atPoint) { atPoint throws(Errno) in
        try LaunchReport.read(from: reports, .plan(plan), id: id) { point in
          if point == InitPlan.created { return .leave }
          do throws(BerthError) {
            try atPoint(point)
            return .goOn
          } catch {
            // What is wrong with one that is ending anyway, it says itself.
            if Descriptors.becomesReadable(process, within: 100) { return .goOn }
            refusal = error
            Children.kill(pid)
            return .refuse
          }
        }
      }
    } catch { throw end(BerthError(.bug, "launch", id, cause: "read reports: \(error)")) }
    if let refusal { throw end(refusal) }
    let warnings = outsideWarnings + report.warnings
    if report.isWaiting { return .created(warnings: warnings) }
    if let failure = report.failure { throw end(failure) }
    return .executing(warnings: warnings)
  }

  /// Kills and reaps the process because of `error`, which is returned.
  public borrowing func end(_ error: BerthError) -> BerthError {
    Children.kill(pid)
    _ = try? Children.wait(for: pid)
    return error
  }

  /// Lets a container go that waits at its gate, over a connection to it, and hears it out: throws why it couldn't run its command.
  /// `steps` are how many its plan has: the last runs `command`.
  public static func open(gate connection: borrowing FD, steps: Int, command: String, id: String) throws(BerthError) {
    let report: LaunchReport
    do throws(Errno) {
      try DescriptorSocket.send([1], over: connection.raw)
      report = try LaunchReport.read(from: connection, .behindGate(count: steps, command: command), id: id)
    } catch { throw BerthError(.unavailable, "start", id, cause: error.description) }
    if let failure = report.failure { throw failure }
  }
}
