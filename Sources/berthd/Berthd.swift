import ArgumentParser
import BerthCore
import BerthLinux
import BerthNode
import Glibc
import Synchronization

struct Berthd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "berthd", abstract: "Keeps the pods that a directory of TOML manifests describes.", version: BerthVersion.text,
    subcommands: [Run.self, Config.self, Doctor.self, TearDown.self], defaultSubcommand: Run.self)
}

/// Flags that override the configuration file.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: "Configuration file. Default: /etc/berth/config.toml if it exists.") var config: String?
  @Option(help: "Directory of manifests.") var manifests: String?
  @Option(help: "A user besides root whose manifests are obeyed.") var manifestsOwner: UInt32?
  @Option(help: "Folder for what survives a reboot.") var root: String?
  @Option(help: "Folder for what doesn't.") var state: String?
  @Option(help: "The API's socket.") var address: String?

  /// Throws errors of the file, as they are to be printed.
  func load() throws(BerthError) -> NodeConfiguration {
    var configuration = try NodeConfiguration.read(config)
    do throws(Errno) {
      if let manifests { configuration.manifests.path = try Self.absolute(manifests) }
      if let root { configuration.root = try Self.absolute(root) }
      if let state { configuration.state = try Self.absolute(state) }
      if let address { configuration.api.address = try Self.absolute(address) }
    } catch { throw BerthError(.unavailable, "find working directory", cause: "\(error)") }
    if let manifestsOwner { configuration.manifests.owner = manifestsOwner }
    return configuration
  }

  private static func absolute(_ path: String) throws(Errno) -> String {
    path.hasPrefix("/") ? path : "\(try Files.realPath("."))/\(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)"
  }
}

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "run", abstract: "Run in the foreground (the default).")
  static let signals = [Signals.terminate, Signals.interrupt, Signals.hangUp]

  @OptionGroup var options: ConfigurationOptions
  @Option(help: "error, warning, info or debug.") var logLevel: Log.Level = .info
  @Option(help: "text or json.") var logFormat: Log.Format = .text
  @Flag(help: "Converge one time, print what was done, and exit: 0 converged, 1 not.") var once = false

  /// The daemon lives on other threads; this one takes the signals.
  func run() throws {
    umask(0o077)
    let log = Log(level: logLevel, format: logFormat)
    let end = BlockingQueue<Int32>()
    let configuration: NodeConfiguration
    do throws(BerthError) { configuration = try options.load() } catch { Log.fail(error) }
    let running = RunningDaemon()
    Task { [once] in
      do throws(BerthError) {
        let daemon = try await Daemon(configuration: configuration, log: log, end: end)
        running.set(daemon)
        let code = try await once ? daemon.runOnce() : daemon.run()
        Glibc.exit(code)
      } catch { Log.fail(error) }
    }
    while true {
      let signal = Signals.wait(for: Self.signals)
      if signal == Signals.hangUp {
        running.get()?.reload { () throws(BerthError) in try options.load() }
      } else if once {
        Glibc.exit(1)
      } else {
        end.push(0)
      }
    }
  }
}

/// Lets the thread that takes the signals reach the daemon once it stands.
private final class RunningDaemon: Sendable {
  private let daemon = Mutex<Daemon?>(nil)
  func set(_ daemon: Daemon) { self.daemon.withLock { $0 = daemon } }
  func get() -> Daemon? { daemon.withLock { $0 } }
}

struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show or check the configuration.", subcommands: [Default.self, Dump.self, Validate.self])

  struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "validate", abstract: "Check a configuration file: every error with its line and column.")
    @Argument(help: "Default: /etc/berth/config.toml.") var file: String?
    @Option(help: "The same, as berthd is called with it.") var config: String?
    func run() throws {
      do throws(BerthError) { _ = try NodeConfiguration.read(file ?? config ?? NodeConfiguration.defaultPath) } catch { Log.fail(error) }
    }
  }

  struct Default: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "default", abstract: "Print the commented default config.toml.")
    func run() { print(NodeConfiguration.defaultText, terminator: "") }
  }

  struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "dump", abstract: "Print the configuration in effect.")
    @OptionGroup var options: ConfigurationOptions
    func run() throws {
      do throws(BerthError) { print(try options.load().dump, terminator: "") } catch { Log.fail(error) }
    }
  }
}

struct TearDown: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "teardown", abstract: "End every pod of a root at once and remove every trace of them. No daemon may be running on it.")
  @OptionGroup var options: ConfigurationOptions

  func run() throws {
    let configuration: NodeConfiguration
    do throws(BerthError) { configuration = try options.load() } catch { Log.fail(error) }
    let end = BlockingQueue<Int32>()
    Task {
      do throws(BerthError) {
        let failures = try await Daemon.tearDown(configuration)
        for failure in failures { StandardError.write("berthd: \(failure)\n") }
        end.push(failures.isEmpty ? 0 : 1)
      } catch { Log.fail(error) }
    }
    Glibc.exit(end.pop())
  }
}
