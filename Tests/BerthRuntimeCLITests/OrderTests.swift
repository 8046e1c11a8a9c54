import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// Calls in an order that no engine means, or all at once.
@Suite("odd orders", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct OrderTests {
  /// A call that goes on beside the test.
  private func begin(_ container: RuntimeBundle, _ arguments: String...) throws -> Int32 {
    let null = try Files.openNull()
    return try Spawn.start(
      RuntimeBundle.program, arguments: ["berth-runtime", "--root", container.root] + arguments,
      descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)])
  }

  /// Whether it succeeded; nil for one that doesn't end.
  private func end(_ call: Int32) -> Bool? {
    let status = Children.wait(for: call, deadline: .seconds(30))
    if status == nil { Children.kill(call) }
    return status.map { $0 == .exited(0) }
  }

  @Test("one that is paused before its start is paused, can't be started, and goes on where it was")
  func pausedBeforeStart() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    try container.must("pause", container.id)
    #expect(try container.status() == "paused")
    let start = try begin(container, "start", container.id)
    #expect(end(start) == false)
    #expect(try container("exec", container.id, "true").exit == 255)
    #expect(try container("delete", container.id).exit == 1)
    try container.must("resume", container.id)
    #expect(try container.status() == "created")
    try container.must("start", container.id)
    #expect(try container.status() == "running")
    try container.must("delete", "--force", container.id)
    try container.create()
    try container.must("pause", container.id)
    try container.must("delete", "--force", container.id)
    #expect(container.isGone)
  }

  @Test("one that was paused before its start and thawed by other means is created still, and starts")
  func thawedBeforeStart() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    try container.must("pause", container.id)
    try #require(Cgroup("/\(container.id)", in: try CgroupLayout.detect())).thaw()
    #expect(try container.status() == "created")
    try container.must("start", container.id)
    #expect(try container.status() == "running")
    try container.must("delete", "--force", container.id)
    #expect(container.isGone)
  }

  @Test("delete --force ends a container whose process stands still, though its start waits for that")
  func standsStill() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    let pid = try #require(try container.must("state", container.id).json()["pid"]?.integer)
    kill(pid_t(pid), SIGSTOP)
    let start = try begin(container, "start", container.id)
    try eventually("it waits") { try !Files.exists("\(container.root)/\(container.id)/start") || container.status() == "stopped" }
    let deletion = try begin(container, "delete", "--force", container.id)
    #expect(end(deletion) == true)
    kill(pid_t(pid), SIGKILL)
    #expect(end(start) == false)
    #expect(container.isGone)
  }

  @Test("of starts at once one starts, of creations at once one creates, and deletions at once leave nothing")
  func atOnce() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.write()
    for _ in 0..<5 {
      let creations = try (0..<3).map { _ in try begin(container, "create", "-b", container.bundle, container.id) }
      #expect(creations.filter { end($0) == true }.count == 1)
      let starts = try (0..<3).map { _ in try begin(container, "start", container.id) }
      #expect(starts.filter { end($0) == true }.count == 1)
      #expect(try container.status() == "running")
      let deletions = try (0..<3).map { _ in try begin(container, "delete", "--force", container.id) }
      #expect(deletions.allSatisfy { end($0) == true })
      #expect(container.isGone)
    }
  }

  @Test("a deletion that waited doesn't touch another container that has the id by then")
  func reused() throws {
    let container = try RuntimeBundle("sleep 1000")
    try container.create()
    try container.must("kill", container.id, "KILL")
    try container.eventuallyStopped()
    let folder = "\(container.root)/\(container.id)"
    let elsewhere = "\(container.directory.path)/old"
    let old = try DirectoryLock(folder)
    let deletion = try begin(container, "delete", container.id)
    try eventually("it waits for the lock") {
      try Files.readText("/proc/locks").split(separator: "\n").contains { $0.contains("->") && $0.contains(" \(deletion) ") }
    }
    // As when another deletion was there first, and a creation after it.
    try Files.rename(folder, to: elsewhere)
    try Files.makeNewDirectory(folder)
    let new = try DirectoryLock(folder)
    try Files.rename("\(elsewhere)/state.json", to: "\(folder)/state.json")
    try Files.removeTree(elsewhere)
    _ = consume old
    try eventually("it waits for the new one") {
      try Files.list("/proc/\(deletion)/fd").contains { (try? Files.readLink("/proc/\(deletion)/fd/\($0)")) == folder }
    }
    #expect(Files.exists("\(folder)/state.json"))
    _ = consume new
    #expect(end(deletion) == true)
    #expect(container.isGone)
  }

  @Test("a cgroup where others live, or that is frozen, is refused, and stays with them")
  func occupied() throws {
    let first = try RuntimeBundle("sleep 1000")
    let second = try RuntimeBundle("true")
    try first.create()
    let group = try #require(Cgroup("/\(first.id)", in: try CgroupLayout.detect()))
    second.spec.linux?.cgroupsPath = "/\(first.id)"
    let refused = try second.run()
    #expect(refused.exit == 1 && refused.stderr.contains("cgroup is not empty: 1 process(es) found"), "\(refused)")
    try second.must("delete", "--force", second.id)
    #expect(try first.status() == "created")
    try first.must("delete", "--force", first.id)
    try group.create(RuntimeSpec.Resources())
    try group.freeze()
    let frozen = try begin(second, "run", "-b", second.bundle, second.id)
    #expect(end(frozen) == false)
    #expect(!Files.exists("\(second.root)/\(second.id)"))
    try group.thaw()
    #expect(try second.run().exit == 0, "an empty one is taken")
  }

  @Test("where the pid can't be written nothing stays: no cgroup, no process, whichever call it was")
  func pidFile() throws {
    let container = try RuntimeBundle("sleep 2000 & sleep 1000")
    container.spec.linux?.namespaces.removeAll { $0.type == .pid }
    try container.write()
    let nowhere = "\(container.directory.path)/nowhere/pid"
    for words in [["create"], ["run", "--detach"], ["run"]] {
      let result = try container(words + ["-b", container.bundle, "--pid-file", nowhere, container.id])
      #expect(result.exit == 1 && result.stderr.contains(nowhere), "\(result)")
      #expect(container.isGone, "\(words)")
    }
    try container.create()
    let group = try #require(Cgroup("/\(container.id)", in: try CgroupLayout.detect()))
    for words in [["exec"], ["exec", "--detach"]] {
      let result = try container(words + ["--pid-file", nowhere, container.id, "sleep", "3000"])
      #expect(result.exit == 255 && result.stderr.contains(nowhere), "\(result)")
      #expect(try group.processes().count == 1, "\(words)")
    }
  }

  @Test("a descriptor to pass on that isn't open is refused: it could become one of the runtime's own")
  func preserved() throws {
    let container = try RuntimeBundle("ls /proc/self/fd | sort -n | tail -1")
    try container.write()
    let call = { (count: String) in
      let program = "'\(RuntimeBundle.program)' --root '\(container.root)'"
      let words = "\(program) run --preserve-fds \(count) -b '\(container.bundle)' \(container.id)"
      return try Command.run("sh", ["-c", "exec 3< /dev/null 4< /dev/null; exec \(words)"])
    }
    #expect(try call("2").exit == 0)
    #expect(try call("-1").exit == 0)
    for count in ["3", "50", "70000", "2147483647"] {
      let result = try call(count)
      #expect(result.exit == 1 && result.stderr.contains("descriptor 5 of 3 to"), "\(result)")
    }
    #expect(container.isGone)
  }

  @Test("kill takes the signal 0, asks nothing of whom it is not meant for, and nothing means SIGTERM")
  func signals() throws {
    let container = try RuntimeBundle("trap 'exit 5' TERM; while :; do sleep 0.02; done")
    try container.create()
    try container.must("kill", container.id, "0")
    try container.must("start", container.id)
    try container.must("kill", "--all", container.id, "0")
    #expect(try container("kill", container.id, "65").exit == 1)
    #expect(try container.status() == "running")
    try container.must("kill", container.id, "")
    try container.eventuallyStopped()
    #expect(try container("kill", container.id, "0").exit == 1)
  }

  @Test("a call that is none is told from one that fails, and --help says how it is called")
  func misuse() throws {
    let container = try RuntimeBundle("sleep 1000")
    for words in [["exec"], ["exec", "--nothing", "x", "true"], ["list", "x"], ["start"], ["start", "a", "b"], ["kill", "a", "9", "b"]] {
      let result = try container(words)
      #expect(result.exit == 1 && result.stderr.split(separator: "\n").count == 1, "\(result)")
    }
    #expect(try container("exec", container.id).exit == 255)
    try container.create()
    try container.must("exec", "--user", "", "--cwd", "", container.id, "true")
    try container.must("update", "--memory", "", "--cpu-quota", "", container.id)
    for words in [["create", "--help"], ["exec", "-h"], ["--help"], []] {
      #expect(try container(words).stdout.hasPrefix("usage: "))
    }
    // Behind the container's name they are the command's own.
    #expect(try container("exec", container.id, "nothing", "--help").exit == 255)
  }
}
