import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  /// strace kills the daemon, or the shim, at the entry of the n-th system call of a kind that one of its threads makes, while a pod is
  /// created, started, stopped and deleted. A sample of all such moments; `BERTH_SYSCALL_KILLS=N` takes N of each, 0 all of them.
  @Suite(
    "kill -9 at a system call", .enabled(if: Files.exists(Strace.path), "strace is not installed"),
    .enabled(if: Strace.works, "strace is not allowed to trace here"))
  struct SyscallKills {
    @Test("of the daemon: the next one brings about what is asked for, and leaves nothing else behind")
    func daemon() throws { try hold(.daemon) }

    @Test("of the shim: its daemon brings about what is asked for, and leaves nothing else behind")
    func shim() throws { try hold(.shim) }

    private func hold(_ victim: Strace.Victim) throws {
      let scene = try KillScene(victim)
      let all = try scene.moments()
      #expect(all.count > 100, "\(all)")
      let wanted = getenv("BERTH_SYSCALL_KILLS").flatMap { Int(String(cString: $0)) } ?? 6
      let seed = getenv("BERTH_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0..<1_000_000)
      print("kills at system calls: BERTH_SEED=\(seed), \(wanted == 0 ? all.count : wanted) of \(all.count)")
      var random = SeededGenerator(seed: seed)
      var struck = 0
      for moment in wanted == 0 ? all : Array(all.shuffled(using: &random).prefix(wanted)) where try scene.strike(at: moment) {
        struck += 1
      }
      #expect(struck > 0, "nothing was ever killed")
      try scene.end()
    }
  }
}

/// The tracer, which is nobody's parent (`-D`): what it traces has the process id that it would have without.
private enum Strace {
  enum Victim { case daemon, shim }

  /// The entry of the n-th call of that name in a thread.
  struct Moment: Hashable, CustomStringConvertible {
    var call: String
    var number: Int
    var description: String { "\(call) \(number)" }
  }

  static let path = "/usr/bin/strace"
  static let works = (try? Command.run(path, ["-D", "-o", "/dev/null", "true"]).exit) == 0

  /// All threads of a daemon, but none of the programs that it starts; a shim has one thread.
  static func words(_ victim: Victim, _ options: [String]) -> [String] {
    [path, "-D", "-q"] + (victim == .daemon ? ["-f", "--detach-on=execve"] : []) + options
  }

  /// `record`: where it is written down that it came to that.
  static func kill(_ victim: Victim, at moment: Moment, record: String) -> [String] {
    let call = moment.call
    return words(victim, ["-o", record, "-e", "trace=\(call)", "-e", "inject=\(call):signal=SIGKILL:when=\(moment.number)"])
  }

  /// From what strace wrote down: for each call as many moments as the busiest thread made of it.
  static func moments(in text: String) -> [Moment] {
    var counts: [Substring: [Substring: Int]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2)
      // `1234  openat(…`; of a single thread `openat(…`.
      let hasThread = words.first.map { $0.allSatisfy(\.isNumber) } ?? false
      let rest = hasThread ? line.drop { $0.isNumber || $0 == " " } : line
      guard let end = rest.firstIndex(of: "("), end > rest.startIndex, rest[..<end].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
      else { continue }
      counts[rest[..<end], default: [:]][hasThread ? words[0] : "", default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.flatMap { call, threads in
      (1...(threads.values.max() ?? 1)).map { Moment(call: String(call), number: $0) }
    }
  }
}

/// A daemon whose own program, or whose shim, is started through strace; and one pod that comes and goes.
private final class KillScene {
  private let victim: Strace.Victim
  private let daemon: DaemonUnderTest
  private let programs: TemporaryDirectory
  private let before: LeakCensus

  init(_ victim: Strace.Victim) throws {
    self.victim = victim
    programs = try TemporaryDirectory("programs")
    daemon = try DaemonUnderTest()
    // What the node keeps for good is there before the census.
    _ = try daemon.run(job: "warm-up", "true")
    try daemon.remove("warm-up")
    try daemon.sync()
    try daemon.stop()
    // The daemon finds its shim beside its own program.
    for program in ["berthd", "berth-worker"] {
      _ = try Command.run("cp", ["\(Binaries.directory)/\(program)", programs.path])
    }
    before = try LeakCensus.take(directories: Self.owned(daemon))
  }

  private var record: String { "\(programs.path)/calls" }
  private static func owned(_ daemon: DaemonUnderTest) -> [String] {
    ["\(daemon.root)/pods", "\(daemon.root)/logs", "\(daemon.root)/snapshots", daemon.state]
  }

  /// From now on: `tracer` traces the daemon, or the first shim that is started.
  private func trace(by tracer: [String]) throws {
    let program = "\(programs.path)/berthd"
    let mark = "\(programs.path)/traced"
    try? Files.removeTree(mark)
    let traced = tracer.map { "'\($0)'" }.joined(separator: " ")
    let script =
      "#!/bin/sh\n" + (victim == .shim ? "mkdir '\(mark)' 2>/dev/null && exec \(traced) '\(Binaries.shim)' \"$@\"\n" : "")
      + "exec '\(Binaries.shim)' \"$@\"\n"
    try Files.writeAtomically(Array(script.utf8), to: "\(programs.path)/berth-shim", mode: 0o755)
    let own = victim == .daemon ? traced : ""
    daemon.launcher = ["/bin/sh", "-c", "shift; exec \(own) '\(program)' \"$@\"", "sh"]
  }

  /// What a whole cycle does.
  func moments() throws -> [Strace.Moment] {
    try trace(by: Strace.words(victim, ["-o", record]))
    try daemon.start()
    try daemon.drop("web", ManifestText.of())
    _ = try daemon.pod("web", "runs") { $0.container.isRunning }
    try daemon.remove("web")
    try daemon.wait("web", for: "deleted")
    try daemon.stop()
    var text = ""
    try eventually("strace has written") {
      text = try Files.readText(record, limit: 64 << 20)
      return text.split(separator: "\n").last?.contains("+++ exited") == true
    }
    return Strace.moments(in: text)
  }

  /// One cycle. Returns whether anything was killed.
  func strike(at moment: Strace.Moment) throws -> Bool {
    try? Files.unlink(record)
    try trace(by: Strace.kill(victim, at: moment, record: record))
    try daemon.drop("web", ManifestText.of())
    if victim == .daemon { try strikeDaemon(moment) } else { try strikeShim(moment) }
    #expect(try daemon.berth("status", "-A", "-o", "json").json().array?.isEmpty == true, "\(moment)")
    try daemon.stop()
    return hasStruck
  }

  private var hasStruck: Bool { (try? Files.readText(record, limit: 64 << 20))?.contains("+++ killed by SIGKILL") == true }

  private func strikeDaemon(_ moment: Strace.Moment) throws {
    try daemon.startWithoutWaiting()
    let pid = try #require(daemon.pid)
    // What the daemon forks for a shim is traced until it executes: each of those is killed, and the pod can't come while that goes on.
    try settle(moment) { self.isRunning || !isAlive(Int64(pid)) || self.hasStruck }
    if isAlive(Int64(pid)) {
      try daemon.remove("web")
      try settle(moment) { self.isGone || !isAlive(Int64(pid)) || self.hasStruck }
    }
    daemon.crash()
    // The next one is nobody's victim.
    daemon.launcher = []
    try daemon.start()
    if Files.exists("\(daemon.manifests)/web.toml") {
      _ = try daemon.pod("web", "runs after a kill at \(moment)") { $0.container.isRunning && $0.phase == "Running" }
      try daemon.remove("web")
    }
    try daemon.wait("web", for: "deleted")
  }

  private func strikeShim(_ moment: Strace.Moment) throws {
    try daemon.start()
    _ = try daemon.pod("web", "runs although its shim is killed at \(moment)") { $0.container.isRunning }
    try daemon.remove("web")
    try daemon.wait("web", for: "deleted")
  }

  private func settle(_ moment: Strace.Moment, _ condition: () -> Bool) throws {
    try eventually("a kill at \(moment), or what is asked for", seen: { self.daemon.log }, that: condition)
  }

  /// Of a daemon that may not answer any more.
  private var pods: [PodView]? {
    guard let answer = try? daemon.berth("status", "-A", "-o", "json"), answer.exit == 0 else { return nil }
    return (try? answer.json().array)?.map(PodView.init)
  }
  private var isRunning: Bool { pods?.contains { $0.container.isRunning } ?? false }
  private var isGone: Bool { pods?.isEmpty ?? false }

  func end() throws {
    let leaks = try LeakCensus.leaks(since: before, directories: Self.owned(daemon))
    #expect(leaks.isEmpty, "left behind: \(leaks)\n\(daemon.log)")
    daemon.launcher = []
    try daemon.tearDown()
  }
}
