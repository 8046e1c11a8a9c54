import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("kill -9 at any moment")
  struct KillLoop {
    @Test("pods under churn: nothing is lost, doubled or restarted, and in the end nothing is left")
    func churn() throws {
      let kills = Self.number("BERTH_KILLS") ?? 40
      let seed = Self.number("BERTH_SEED") ?? 20_261_123
      print("kill loop: BERTH_SEED=\(seed) BERTH_KILLS=\(kills)")
      let loop = try Churn(seed: UInt64(clamping: seed))
      try loop.begin()
      for round in 0..<kills { try loop.round(round) }
      try loop.verify()
      try loop.end()
    }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
  }
}

/// A daemon that is killed over and over, the pods it keeps meanwhile, and what must hold of them.
private final class Churn {
  private let daemon: DaemonUnderTest
  private let gate: TemporaryDirectory
  private let before: LeakCensus
  private var random: SeededGenerator
  /// Pods that nobody touches, as they first ran.
  private var untouched: [String: PodView] = [:]
  /// Version in the manifest of each pod that comes and goes; nil while it has none.
  private var versions: [String: Int] = [:]
  private var lastVersion = 0
  /// Exit code of each job by name.
  private var jobs: [(name: String, code: Int64)] = []
  private var closedGates: [String] = []

  init(seed: UInt64) throws {
    random = SeededGenerator(seed: seed)
    gate = try TemporaryDirectory("gate")
    daemon = try DaemonUnderTest()
    // What the node keeps for good (image, layers, filters) is there before the census.
    _ = try daemon.run(job: "warm-up", "true")
    try daemon.remove("warm-up")
    try daemon.sync()
    try daemon.stop()
    before = try LeakCensus.take(directories: Self.owned(daemon))
    try daemon.start()
  }

  private static func owned(_ daemon: DaemonUnderTest) -> [String] {
    ["\(daemon.root)/pods", "\(daemon.root)/logs", "\(daemon.root)/snapshots", daemon.state]
  }

  func begin() throws {
    let writer = "n=0; while true; do n=$((n + 1)); echo $n; usleep 1000; done"
    try daemon.drop("writer", manifest("writer", writer, container: "log = { max_size = \"64MiB\" }"))
    try daemon.drop("still", manifest("still", ManifestText.stay))
    try daemon.drop("limits", manifest("limits", ManifestText.stay))
    try daemon.drop("crasher", manifest("crasher", "exit 3", pod: "restart_backoff = { initial = \"30ms\", max = \"60ms\" }"))
    for name in ["writer", "still", "limits"] {
      untouched[name] = try daemon.pod(name, "runs") { $0.phase == "Running" && $0.container.isRunning }
    }
  }

  private func manifest(_ name: String, _ script: String, pod: String = "", container: String = "", tables: String = "") throws -> String {
    // The marker tells whose process it is, whatever became of its record.
    let env = "env = { BERTH_MARK = \"\(daemon.directory.path)/\(name)\", VERSION = \"\(lastVersion)\" }"
    return try ManifestText.of(script, pod: pod, container: "\(env)\n\(container)", tables: tables)
      .replacingFirst("\"3s\"", with: "\"100ms\"")
  }

  // MARK: one round

  func round(_ number: Int) throws {
    for _ in 0..<Int.random(in: 1...3, using: &random) { try act() }
    pause(milliseconds: Int.random(in: 0...80, using: &random))
    daemon.crash()
    try expectNoTwins()
    if Bool.random(using: &random) { try openGates() }
    if Bool.random(using: &random) { try act() }
    if number % 3 == 2 {
      // Dies again while it still finds its way.
      try daemon.startWithoutWaiting()
      pause(milliseconds: Int.random(in: 1...60, using: &random))
      daemon.crash()
      try expectNoTwins()
    }
    try daemon.start()
    try expectUntouched()
  }

  /// A kill is to come at a moment that no event marks.
  private func pause(milliseconds: Int) { usleep(UInt32(clamping: milliseconds * 1000)) }

  private func act() throws {
    lastVersion += 1
    let name = "churn-\(Int.random(in: 0..<3, using: &random))"
    switch Int.random(in: 0..<8, using: &random) {
    case 0...3:
      try daemon.drop(name, manifest(name, ManifestText.stay))
      versions[name] = lastVersion
    case 4:
      guard versions[name] != nil else { return }
      try daemon.remove(name)
      versions[name] = nil
    case 5, 6:
      let resources = "[container.resources]\ncpu = \(Double(Int.random(in: 2...9, using: &random)) / 10)"
      try daemon.drop(
        "limits",
        manifest("limits", ManifestText.stay, tables: resources).replacingFirst("VERSION = \"\(lastVersion)\"", with: "VERSION = \"0\""))
    default: try addJob()
    }
  }

  private func addJob() throws {
    let job = (name: "job-\(jobs.count)", code: Int64(jobs.count % 200 + 1))
    let script = "echo run >> /gate/\(job.name).runs; while [ ! -e /gate/\(job.name) ]; do usleep 5000; done; exit \(job.code)"
    let volume = "[[volume]]\nname = \"gate\"\nhost_path = \"\(gate.path)\""
    try daemon.drop(
      job.name, manifest(job.name, script, pod: "restart_policy = \"never\"", container: "mounts = [\"gate:/gate\"]", tables: volume))
    jobs.append(job)
    closedGates.append(job.name)
  }

  private func openGates() throws {
    for name in closedGates { try gate.write("", to: name) }
    closedGates = []
  }

  // MARK: what must hold

  private func expectUntouched() throws {
    for (name, first) in untouched {
      let pod = try daemon.pod(name, "is found again") { $0.container.isRunning }
      #expect(pod.container.pid == first.container.pid, "\(name) was restarted\n\(daemon.log)")
      #expect(pod.container.restarts == 0)
      #expect(pod.uid == first.uid)
    }
    // Each daemon executes under the shim that an earlier one started.
    let code = Int32.random(in: 0...200, using: &random)
    let session = try daemon.berth("exec", "still", "--", "sh", "-c", "echo here; exit \(code)")
    #expect(session.exit == code && session.stdout == "here\n", "\(session)")
  }

  /// At most one first process of a container carries each mark.
  private func expectNoTwins() throws {
    var owners: [String: [Int64]] = [:]
    for pid in try Files.list("/proc").compactMap({ Int64($0) }) {
      guard let environment = try? Files.readText("/proc/\(pid)/environ"), isFirstInNamespace(pid) else { continue }
      for entry in environment.split(separator: "\0") where entry.hasPrefix("BERTH_MARK=\(daemon.directory.path)") {
        owners[String(entry), default: []].append(pid)
      }
    }
    for (mark, pids) in owners where pids.count > 1 { Issue.record("\(mark) runs more than once: \(pids)\n\(daemon.log)") }
  }

  private func isFirstInNamespace(_ pid: Int64) -> Bool {
    guard let status = try? Files.readText("/proc/\(pid)/status") else { return false }
    let line = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
    return line?.split(separator: "\t").count ?? 0 > 2 && line?.split(separator: "\t").last == "1"
  }

  func verify() throws {
    try openGates()
    for job in jobs {
      let pod = try daemon.pod(job.name, "has ended") { $0.phase == "Failed" }
      #expect(pod.container.exitCode == job.code, "\(job.name)")
      #expect(pod.container.restarts == 0, "\(job.name)")
      #expect(try Files.readText("\(gate.path)/\(job.name).runs") == "run\n", "\(job.name) ran more than once")
    }
    for name in ["churn-0", "churn-1", "churn-2"] {
      guard let version = versions[name] else {
        try daemon.wait(name, for: "deleted")
        continue
      }
      try daemon.pod(name, "runs its newest version") { pod in
        guard pod.phase == "Running", let pid = pod.container.pid else { return false }
        return (try? Files.readText("/proc/\(pid)/environ"))?.split(separator: "\0").contains("VERSION=\(version)") == true
      }
    }
    let crasher = try daemon.pod("crasher")
    #expect(crasher?.container.restarts ?? 0 > 2, "it was never restarted")
    try expectWholeLog()
  }

  private func expectWholeLog() throws {
    let said = try daemon.logs("writer").split(separator: "\n").map { Int($0) ?? -1 }
    #expect(said.count > 10)
    let firstWrong = said.enumerated().first { $0.offset + 1 != $0.element }
    #expect(firstWrong == nil, "line \(firstWrong.map { "\($0.offset + 1) is \($0.element)" } ?? "")")
  }

  /// Every manifest goes, and with it everything that any of the daemons made.
  func end() throws {
    for name in try Files.list(daemon.manifests) { try Files.unlink("\(daemon.manifests)/\(name)") }
    try daemon.sync()
    let rest = try daemon.berth("status", "-A", "-o", "json")
    #expect(try rest.json().array?.isEmpty == true, "\(rest)")
    try daemon.stop()
    let leaks = try LeakCensus.leaks(since: before, directories: Self.owned(daemon))
    #expect(leaks.isEmpty, "left behind: \(leaks)\n\(daemon.log)")
    try daemon.tearDown()
  }
}
