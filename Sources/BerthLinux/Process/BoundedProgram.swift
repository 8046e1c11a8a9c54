import BerthCore
import Glibc

/// A program that is run to its end for what it prints, with limits on its time and its output. It is spawned, so that a process with
/// threads may do this, and has a session of its own, so that its children end with it.
public struct BoundedProgram: Sendable {
  public var path: String
  /// Without the program's own name.
  public var arguments: [String]
  public var environment: [String]
  public var input: [UInt8]
  /// Beyond the three streams: number in the child → number here. The child may be started through one: `/proc/self/fd/N/NAME`.
  public var descriptors: Spawn.Descriptors = []
  public var timeout: Duration
  /// Of standard output and of standard error, in bytes each. More ends it.
  public var outputLimit: Int

  public enum End: Sendable, Hashable {
    case ended(ExitStatus)
    case timedOut
    case talkedTooMuch
  }

  public struct Outcome: Sendable {
    public var end: End
    public var output: [UInt8]
    public var errors: [UInt8]
    public var succeeded: Bool { end == .ended(.exited(0)) }
  }

  public init(
    _ path: String, arguments: [String], environment: [String] = Self.environment, input: [UInt8] = [], timeout: Duration, outputLimit: Int
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.input = input
    self.timeout = timeout
    self.outputLimit = outputLimit
  }

  /// What a program gets that needs nothing in particular.
  public static let environment = ["PATH=\(searchPath.joined(separator: ":"))", "HOME=/root", "LC_ALL=C.UTF-8"]
  public static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

  /// The file of a program by its name, which must be one safe component; nil if there is none.
  public static func find(_ name: String) -> String? {
    searchPath.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Throws what starting it failed with.
  public func run() throws(Errno) -> Outcome {
    let output = try ChildChannel.pipe()
    let errors = try ChildChannel.pipe()
    // A file, not a pipe: a program that doesn't read it is not in anybody's way.
    let text = try MemoryFile("input")
    try text.file.writeAll(input)
    let file = text.file.raw
    try call { lseek(file, 0, SEEK_SET) }
    let pid = try Spawn.start(
      path, arguments: [path] + arguments, environment: environment,
      descriptors: [(0, file), (1, output.child.raw), (2, errors.child.raw)] + descriptors, newSession: true)
    let outputEnd = output.keepOurs()
    let errorsEnd = errors.keepOurs()
    var outcome = Outcome(end: .timedOut, output: [], errors: [])
    let isDone = (try? collect(outputEnd.raw, errorsEnd.raw, &outcome)) ?? false
    // Its children, and itself if it closed its streams and goes on.
    if !isDone { _ = kill(-pid, SIGKILL) }
    let exit = try Self.reap(pid, within: isDone ? timeout : .zero)
    _ = kill(-pid, SIGKILL)
    if isDone, let exit { outcome.end = .ended(exit) }
    return outcome
  }

  /// True once both streams have ended.
  private func collect(_ output: Int32, _ errors: Int32, _ outcome: inout Outcome) throws(Errno) -> Bool {
    let deadline = BootTime.now.after(nanoseconds: timeout.nanoseconds).nanoseconds
    var open: Set<Int32> = [output, errors]
    while !open.isEmpty {
      let left = deadline - Clock.bootNanoseconds()
      guard left > 0 else { return false }
      for number in try Descriptors.waitReadable(Array(open), timeout: .nanoseconds(left)) {
        let bytes = try Descriptors.readAvailable(number, upTo: 1 << 14)
        if bytes.isEmpty { open.remove(number) }
        if number == output { outcome.output += bytes } else { outcome.errors += bytes }
        guard outcome.output.count <= outputLimit, outcome.errors.count <= outputLimit else {
          outcome.end = .talkedTooMuch
          return false
        }
      }
    }
    return true
  }

  /// nil if it had to be killed.
  private static func reap(_ pid: pid_t, within limit: Duration) throws(Errno) -> ExitStatus? {
    if limit > .zero, let handle = try? ProcessControl.open(pid) {
      let ended = try Descriptors.waitReadable([handle.raw], timeout: limit)
      if ended.isEmpty {
        _ = kill(-pid, SIGKILL)
        _ = try Children.wait(for: pid)
        return nil
      }
    }
    return try Children.wait(for: pid)
  }
}

/// Variables of this process's own environment.
public enum ProcessEnvironment {
  public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
