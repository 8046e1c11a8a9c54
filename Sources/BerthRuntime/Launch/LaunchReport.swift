import BerthCore
import BerthLinux
import CBerthInit

/// What the interpreter has told until its end of the socket was closed.
struct LaunchReport {
  private(set) var warnings: [String] = []
  private(set) var isExecuting = false
  /// Whether the process waits at a point where it was left.
  private(set) var isWaiting = false
  private(set) var failure: BerthError?
  /// Whether the failure is the process's own word.
  private(set) var hasSpoken = false

  enum Answer {
    case goOn
    /// The process stays where it is; so does what it tells from now on.
    case leave
    /// The process was killed: what it told before is still read.
    case refuse
  }

  /// What a process that reports is going through.
  enum Course {
    case plan(InitPlan)
    /// The rest of a plan whose maker is gone: `count` steps in all, the last of which runs `command`.
    case behindGate(count: Int, command: String)

    var warnings: [String] {
      switch self {
      case .plan(let plan): plan.warnings
      case .behindGate: []
      }
    }

    /// nil: there is no such step.
    func step(_ number: Int) -> InitPlan.Step? {
      switch self {
      case .plan(let plan): plan.steps.indices.contains(number) ? plan.steps[number] : nil
      case .behindGate(let count, let command) where number == count - 1:
        InitPlan.Step(what: .execute(candidates: [], arguments: [command], environment: []), purpose: "exec \(command)")
      case .behindGate(let count, _):
        (0..<count).contains(number) ? InitPlan.Step(what: .announce, purpose: "prepare process") : nil
      }
    }
  }

  /// Reads to the end, and answers synchronisation points on the way: exec closes the child's end, as death does.
  /// `atPoint` decides what happens at a synchronisation point.
  static func read(
    from socket: borrowing FD, _ course: Course, id: String, atPoint: ((UInt32) -> Answer)? = nil
  ) throws(Errno) -> LaunchReport {
    var report = LaunchReport()
    report.warnings = course.warnings
    while true {
      let message = try next(socket)
      guard message.count == MemoryLayout<berth_report>.size else { break }
      let told = message.withUnsafeBytes { $0.loadUnaligned(as: berth_report.self) }
      report.take(told, course, id)
      guard told.kind == BERTH_REPORT_SYNC.rawValue else { continue }
      switch atPoint.map({ $0(told.detail) }) ?? .goOn {
      case .goOn: sayWord(over: socket.raw)
      case .leave:
        report.isWaiting = true
        return report
      case .refuse: continue
      }
    }
    if !report.isExecuting, report.failure == nil {
      report.failure = BerthError(.unavailable, "launch", id, cause: "the process was killed before it could run its command")
    }
    return report
  }

  /// What the process waits for at a synchronisation point. One that has died meanwhile leaves the end of the stream.
  static func sayWord(over socket: Int32) { try? DescriptorSocket.send([1], over: socket) }

  /// A process that died with an answer unread leaves an error in front of what it had said.
  private static func next(_ socket: borrowing FD) throws(Errno) -> [UInt8] {
    let limit = MemoryLayout<berth_report>.size
    do throws(Errno) { return try DescriptorSocket.receive(limit: limit, from: socket).bytes } catch {
      guard error == .connectionReset else { throw error }
      return try DescriptorSocket.receive(limit: limit, from: socket).bytes
    }
  }

  private mutating func take(_ message: berth_report, _ course: Course, _ id: String) {
    switch message.kind {
    case BERTH_REPORT_EXECUTING.rawValue: isExecuting = true
    case BERTH_REPORT_WARNING.rawValue, BERTH_REPORT_FAILURE.rawValue: takeTrouble(message, course, id)
    default: return
    }
  }

  private mutating func takeTrouble(_ message: berth_report, _ course: Course, _ id: String) {
    let step = course.step(Int(message.step))
    let purpose = step?.purpose ?? "step \(message.step)"
    if message.kind == BERTH_REPORT_WARNING.rawValue {
      warnings.append("\(purpose): \(Errno(message.error)): left as it was")
    } else {
      (failure, hasSpoken) = (Self.error(message, step, purpose, id), true)
    }
  }

  private static func error(_ message: berth_report, _ step: InitPlan.Step?, _ purpose: String, _ id: String) -> BerthError {
    let errno = Errno(message.error)
    if case .find(let command, _) = step?.what { return execError(errno, exists: message.detail != 0, command) }
    if case .execute(_, let arguments, _) = step?.what { return execError(errno, exists: message.detail != 0, arguments.first ?? "") }
    let code: ErrorCode =
      switch errno {
      case .notPermitted, .accessDenied: .permissionDenied
      case .outOfMemory, .noSpace, .tooManyFiles: .resourceExhausted
      default: .failedPrecondition
      }
    return BerthError(code, "launch", id, cause: "\(purpose): \(errno)")
  }

  /// `.notFound` is kept for a command that isn't there.
  private static func execError(_ errno: Errno, exists: Bool, _ command: String) -> BerthError {
    switch errno {
    case .notFound where !exists: BerthError(.notFound, "exec", command, cause: errno.description)
    case .notFound:
      BerthError(
        .invalidArgument, "exec", command,
        cause: "its interpreter is missing: \(errno); a script names one behind #!, a binary the loader of its C library")
    case .accessDenied, .notPermitted: BerthError(.permissionDenied, "exec", command, cause: errno.description)
    case .outOfMemory: BerthError(.resourceExhausted, "exec", command, cause: errno.description)
    default: BerthError(.invalidArgument, "exec", command, cause: errno.description)
    }
  }
}
