import BerthCore
import BerthLinux
import Glibc

/// A berthd of a test's own: the built program with root, state, manifests and socket in a temporary directory. The last reference
/// going ends it, and its pods with it.
public final class DaemonUnderTest {
  public let directory: TemporaryDirectory
  public var root: String { "\(directory.path)/root" }
  public var state: String { "\(directory.path)/state" }
  public var manifests: String { "\(directory.path)/manifests" }
  public var socket: String { "\(directory.path)/berth.sock" }
  public var config: String { "\(directory.path)/config.toml" }
  private var logFile: String { "\(directory.path)/berthd.log" }
  /// Added to the environment of daemons that are started from now on.
  public var environment: [String] = []
  /// A program and arguments of it that daemons are started through from now on; it executes what follows them.
  public var launcher: [String] = []
  /// nil while no daemon runs.
  public private(set) var pid: pid_t?

  /// `config` is the text of config.toml; the default shortens the delay before a removal takes effect.
  public init(config: String = "[manifests]\nremoval_delay = \"50ms\"\n", start: Bool = true) throws {
    directory = try TemporaryDirectory("daemon")
    try Files.makeDirectory("\(directory.path)/manifests", mode: 0o755)
    try directory.write(config, to: "config.toml")
    if start { try self.start() }
  }

  deinit { if !isTornDown { try? tearDown() } }
  private var isTornDown = false

  /// Starts the daemon and returns when it answers. Fails with its log if it ends or stays silent.
  public func start() throws {
    try startWithoutWaiting()
    try eventually("berthd answers", seen: { self.log }) {
      if let pid, let status = Children.poll(pid, deadline: .zero) {
        self.pid = nil
        throw TestFailure("berthd ended at its start: \(status)\n\(log)")
      }
      return try berth("status", "-o", "json").exit == 0
    }
  }

  /// Starts the daemon, for tests of what it is doing before it answers.
  public func startWithoutWaiting() throws {
    pid = try launch()
    isTornDown = false
  }

  /// The flags that make any berthd verb use this daemon's folders.
  public var flags: [String] {
    [
      "--config", config, "--manifests", manifests, "--manifests-owner", String(geteuid()), "--root", root, "--state", state, "--address",
      socket,
    ]
  }

  private func launch() throws -> pid_t {
    let log = try Files.open(logFile, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    let nothing = try Files.open("/dev/null", O_RDONLY)
    return try Spawn.start(
      launcher.first ?? Binaries.berthd, arguments: launcher + [launcher.isEmpty ? "berthd" : Binaries.berthd] + flags,
      environment: Command.environment + environment,
      descriptors: [(0, nothing.raw), (1, log.raw), (2, log.raw)], newSession: true)
  }

  /// Asks the daemon to end with SIGTERM; its pods go on.
  public func stop() throws {
    guard let pid else { return }
    kill(pid, SIGTERM)
    self.pid = nil
    let status = Children.wait(for: pid, deadline: .seconds(20))
    guard status == .exited(0) else {
      throw TestFailure("berthd's end after SIGTERM: \(status.map(\.description) ?? "none within 20 s")\n\(log)")
    }
  }

  /// kill -9; its pods go on.
  public func crash() {
    guard let pid else { return }
    kill(pid, SIGKILL)
    Children.wait(for: pid, deadline: .seconds(20))
    self.pid = nil
  }

  /// Ends the daemon and removes its pods and everything they own, as `make down` does.
  public func tearDown() throws {
    crash()
    isTornDown = true
    let result = try Command.run(Binaries.berthd, ["teardown", "--config", config, "--root", root, "--state", state])
    guard result.exit == 0 else { throw TestFailure("\(result)\n\(log)") }
  }

  /// All that any daemon of these folders has printed.
  public var log: String { (try? Files.readText(logFile, limit: 64 << 20)) ?? "" }

  /// Runs the CLI against this daemon.
  public func berth(_ arguments: String..., deadline: Duration = .seconds(60)) throws -> CommandResult {
    try berth(arguments, deadline: deadline)
  }

  public func berth(_ arguments: [String], deadline: Duration = .seconds(60)) throws -> CommandResult {
    try Command.run(Binaries.berth, ["--address", socket] + arguments, deadline: deadline)
  }
}
