import BerthCore
import BerthLinux
import BerthOCI
import BerthPods
import BerthRuntime
import Glibc
import Testing

@Suite("Shim's containers", .serialized, .enabled(if: ShimMachine.canRun, ShimMachine.reason))
struct ShimContainerTests {
  @Test("an exit code is kept: told, recorded and known", arguments: [Int32(0), 1, 7, 255])
  func exitCode(code: Int32) async throws {
    try await TestPod.with { pod in
      let started = try await pod.run(script: "echo out; echo err >&2; exit \(code)")
      let exit = try await pod.exit()
      #expect(exit.exitCode == code && exit.signal == nil && !exit.oomKilled && exit.attempt == 0)
      #expect(exit.startedAt == started.startedAt && exit.finishedAt >= exit.startedAt)
      #expect(try await pod.state()["app"]?.phase == .exited(exit))
      let facts = try PodFacts.read(pod.path).containers["app"]
      #expect(facts == PodFacts.Container(initRecord: started, isInitAlive: false, exit: exit))
      #expect(Set(try pod.log()) == ["stdout F out", "stderr F err"])
      let cgroup = try #require(Cgroup("\(pod.cgroup)/app", in: try CgroupLayout.detect()))
      _ = try await pod.state()
      #expect(!cgroup.exists())
    }
  }

  @Test("an end by a signal is told apart from an exit with the same code")
  func signalled() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "trap '' USR1; sleep 1000")
      #expect(try await pod.ask(.signal(container: "app", signal: SIGUSR1)) == .ok)
      #expect(try await pod.ask(.signal(container: "app", signal: SIGKILL)) == .ok)
      let exit = try await pod.exit()
      #expect(exit.exitCode == 137 && exit.signal == 9)
      await #expect(throws: BerthError.self) { try await pod.ask(.signal(container: "app", signal: SIGKILL)) }
      #expect(try await pod.ask(.stop(container: "app", signal: 15, graceMilliseconds: 0)) == .ok)
    }
  }

  @Test("an exit while nobody is connected is found later")
  func exitAlone() async throws {
    try await TestPod.with { pod in
      let started = try await pod.run(script: "trap 'exit 42' TERM; echo ready; while :; do sleep 1000 & wait; done")
      try await waitForLog(pod, "stdout F ready")
      let container = try ProcessControl.open(started.process.pid)
      pod.connection.close()
      #expect(kill(started.process.pid, SIGTERM) == 0)
      try waitForEnd(container)
      let later = try pod.reconnect()
      guard case .exited(let exit) = try await later.readState(deadline: ShimMachine.deadline())["app"]?.phase else {
        throw BerthError(.bug, "find exit", "app", cause: "it runs")
      }
      #expect(exit.exitCode == 42)
      #expect(try PodFacts.read(pod.path).containers["app"]?.exit == exit)
      #expect(try await later.request(.shutdown, deadline: ShimMachine.deadline()) == .ok)
    }
  }

  @Test("stop ends at once what obeys, and with its own code")
  func stopObeyed() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "trap 'exit 3' TERM; echo ready; while :; do sleep 1000 & wait; done")
      try await waitForLog(pod, "stdout F ready")
      #expect(try await pod.ask(.stop(container: "app", signal: SIGTERM, graceMilliseconds: 3_600_000)) == .ok)
      #expect(try await pod.exit().exitCode == 3)
    }
  }

  @Test("stop kills what ignores it once the grace period is over, its children too")
  func stopIgnored() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done")
      try await waitForLog(pod, "stdout F ready")
      let before = BootTime.now
      #expect(try await pod.ask(.stop(container: "app", signal: SIGTERM, graceMilliseconds: 300)) == .ok)
      let isStopping = try await pod.state()["app"]?.isStopping
      // On a busy machine the answer may come when the grace period is over.
      if BootTime.now < before.after(nanoseconds: 300_000_000) { #expect(isStopping == true) }
      let exit = try await pod.exit()
      #expect(exit.exitCode == 137 && exit.signal == 9)
      #expect(BootTime.now >= before.after(nanoseconds: 300_000_000), "not before the grace period is over")
      #expect(try await pod.state()["app"]?.isStopping == false)
    }
  }

  @Test("a later stop shortens the grace period and never prolongs it")
  func stopShortened() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "trap '' TERM; echo ready; while :; do sleep 1000; done")
      try await waitForLog(pod, "stdout F ready")
      for grace: UInt64 in [3_600_000, 200, 7_200_000] {
        #expect(try await pod.ask(.stop(container: "app", signal: SIGTERM, graceMilliseconds: grace)) == .ok)
      }
      #expect(try await pod.exit().signal == 9)
    }
  }

  @Test("containers of a pod share network, ipc, hostname and shared memory, and nothing else")
  func shared() async throws {
    try await TestPod.with { pod in
      let one = try await pod.run("one", script: "hostname; echo from-one > /dev/shm/x; echo ready; exec sleep 1000")
      try await waitForLog(pod, "stdout F ready", "one")
      guard case .started(let two, _) = try await pod.ask(.start(try pod.start("two", script: "hostname; cat /dev/shm/x; exec sleep 1000")))
      else { throw BerthError(.bug, "start", "two", cause: "no record") }
      try await waitForLog(pod, "stdout F from-one", "two")
      #expect(try pod.log("one").first == "stdout F testpod" && pod.log("two").first == "stdout F testpod")
      for kind in ["net", "ipc", "uts"] {
        let first = try Files.readLink("/proc/\(one.process.pid)/ns/\(kind)")
        #expect(try first == Files.readLink("/proc/\(two.process.pid)/ns/\(kind)"), "\(kind)")
        #expect(try first != Files.readLink("/proc/self/ns/\(kind)"), "\(kind)")
      }
      for kind in ["mnt", "pid", "cgroup"] {
        let first = try Files.readLink("/proc/\(one.process.pid)/ns/\(kind)")
        #expect(try first != Files.readLink("/proc/\(two.process.pid)/ns/\(kind)"), "\(kind)")
        #expect(try first != Files.readLink("/proc/self/ns/\(kind)"), "\(kind)")
      }
      let refused = await #expect(throws: BerthError.self) { try await pod.ask(.shutdown) }
      #expect(refused?.code == .failedPrecondition)
    }
  }

  @Test("a command that isn't there fails the start, leaves nothing, and another attempt may follow")
  func noCommand() async throws {
    try await TestPod.with { pod in
      #expect(try await pod.ask(.setUpSandbox(pod.setup)) == .ok)
      let broken = try pod.start("app", script: "") { $0.process?.args = ["/bin/nothing-there"] }
      let error = await #expect(throws: BerthError.self) { try await pod.ask(.start(broken)) }
      #expect(error.flatMap { ContainerLauncher.exitCode(for: $0) } == 127)
      #expect(try await pod.state().containers.isEmpty)
      let good = try pod.start("app", attempt: 1, script: "exit 5")
      guard case .started = try await pod.ask(.start(good)) else { throw BerthError(.bug, "start", "app", cause: "no record") }
      #expect(try await pod.exit().exitCode == 5)
    }
  }

  @Test("an attempt is started once; the next replaces the one that has ended")
  func attempts() async throws {
    try await TestPod.with { pod in
      let first = try await pod.run(script: "sleep 1000")
      #expect(try await pod.ask(.start(try pod.start("app", script: "sleep 1000"))) == .started(first, warnings: []))
      let early = await #expect(throws: BerthError.self) { try await pod.ask(.start(try pod.start("app", attempt: 1, script: "exit 0"))) }
      #expect(early?.code == .failedPrecondition)
      _ = try await pod.ask(.stop(container: "app", signal: SIGTERM, graceMilliseconds: 0))
      #expect(try await pod.exit().attempt == 0)
      let again = await #expect(throws: BerthError.self) { try await pod.ask(.start(try pod.start("app", script: "exit 0"))) }
      #expect(again?.code == .alreadyExists)
      guard case .started = try await pod.ask(.start(try pod.start("app", attempt: 1, script: "exit 6"))) else {
        throw BerthError(.bug, "start", "app", cause: "no record")
      }
      let exit = try await pod.exit()
      #expect(exit.attempt == 1 && exit.exitCode == 6)
      #expect(try await pod.state().containers.count == 1)
    }
  }

  @Test("a container that runs out of memory is told to have")
  func outOfMemory() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec tail /dev/zero") { $0.linux?.resources?.memory.limit = 32 << 20 }
      let exit = try await pod.exit()
      #expect(exit.oomKilled && exit.signal == 9)
    }
  }

  @Test("containers run on when their shim is killed, output and all, and the folder tells of them")
  func shimKilled() async throws {
    let pod = try TestPod()
    let record = try await pod.run(script: "while :; do echo line || exit 9; done")
    let container = try ProcessControl.open(record.process.pid)
    let shim = try await pod.identity().pid
    kill(shim, SIGKILL)
    for await _ in pod.closed {}
    let facts = try PodFacts.read(pod.path)
    #expect(!facts.isShimAlive)
    #expect(facts.containers["app"] == PodFacts.Container(initRecord: record, isInitAlive: true, exit: nil))
    // Its pipe is full now: it waits, and goes on as soon as somebody reads.
    let reader = try Fifo.openReader("\(pod.path)/app/stdout")
    #expect(try !Descriptors.waitReadable([reader.raw], timeout: .seconds(30)).isEmpty)
    #expect(try !reader.read(upTo: 4096).isEmpty)
    #expect(record.process.isAlive)
    let cgroup = try #require(Cgroup(pod.cgroup, in: try CgroupLayout.detect()))
    try cgroup.killAll()
    try waitForEnd(container)
    #expect(try PodFacts.read(pod.path).containers["app"]?.isInitAlive == false)
    for _ in 0..<500 { if (try? cgroup.remove()) != nil { break } else { try await Task.sleep(for: .milliseconds(10)) } }
    #expect(!cgroup.exists())
    await pod.remove()
  }
}

/// Waits until a line is in a container's log.
func waitForLog(_ pod: TestPod, _ line: String, _ name: String = "app") async throws {
  for _ in 0..<3000 {
    if (try? pod.log(name))?.contains(line) == true { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record("no line '\(line)' in the log of \(name)")
}
