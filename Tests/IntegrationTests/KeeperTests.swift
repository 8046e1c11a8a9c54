import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("a keeper takes over from a shim that was killed")
  struct Keepers {
    /// Of lines in each half: more than a FIFO holds.
    private static let half = 20_000

    /// Writes numbers up to `half`, waits for the gate, writes as many more and ends with 42.
    private static let writer = """
      n=0; while [ $n -lt \(half) ]; do n=$((n + 1)); echo $n; done
      while [ ! -e /gate/open ]; do usleep 5000; done
      while [ $n -lt \(2 * half) ]; do n=$((n + 1)); echo $n; done; exit 42
      """

    func drop(_ daemon: DaemonUnderTest, _ gate: TemporaryDirectory, _ script: String = writer) throws -> PodView {
      let volume = "[[volume]]\nname = \"gate\"\nhost_path = \"\(gate.path)\""
      // Rotated a few times on either side of the kill.
      let log = "log = { max_size = \"256KiB\", max_files = 400 }"
      return try daemon.run("job", ManifestText.job(script, container: "mounts = [\"gate:/gate\"]\n\(log)", tables: volume))
    }

    func identity(_ daemon: DaemonUnderTest, _ pod: PodView, _ file: String) -> pid_t? {
      guard let bytes = try? Files.read("\(daemon.state)/pods/\(pod.uid)/\(file).pid"), let json = try? JSON(parsing: bytes)
      else { return nil }
      return json["pid"]?.integer.flatMap { pid_t(exactly: $0) }
    }

    /// Once the shim has written everything so far and waits.
    private func killIdleShim(_ daemon: DaemonUnderTest, _ pod: PodView) throws {
      try waitForLines(daemon, Self.half)
      try killShim(daemon, pod)
    }

    private func waitForLines(_ daemon: DaemonUnderTest, _ count: Int) throws {
      try eventually("\(count) lines are there") { try daemon.logs("job", "--tail", "1") == "\(count)\n" }
    }

    func killShim(_ daemon: DaemonUnderTest, _ pod: PodView) throws {
      let shim = try #require(identity(daemon, pod, "shim"))
      #expect(kill(shim, SIGKILL) == 0)
    }

    @discardableResult
    func keeper(_ daemon: DaemonUnderTest, _ pod: PodView, otherThan before: pid_t = 0) throws -> pid_t {
      try eventually("the pod has a keeper", seen: { daemon.log }) {
        identity(daemon, pod, "keeper").flatMap { $0 != before && isAlive(Int64($0)) ? $0 : nil }
      }
    }

    private func keepers() throws -> Int {
      try Files.list("/proc").filter { (try? Files.readText("/proc/\($0)/comm")) == "berth-keeper\n" && isAlive(Int64($0)) }.count
    }

    private func expectWhole(_ daemon: DaemonUnderTest, _ first: PodView) throws {
      let pod = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
      #expect(pod.container.exitCode == 42 && pod.container.restarts == 0 && pod.uid == first.uid, "\(pod.json.pretty())")
      let said = try daemon.logs("job").split(separator: "\n").map { Int($0) ?? -1 }
      #expect(said == Array(1...2 * Self.half), "\(said.count) lines\n\(daemon.log)")
      try eventually("the keeper has nothing left to do and ends") { try keepers() <= 1 }
    }

    @Test("no line is lost, the exit code is exact, and the job isn't run again")
    func shimKilled() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate)
        try killIdleShim(daemon, pod)
        try gate.write("", to: "open")
        try expectWhole(daemon, pod)
        try daemon.remove("job")
        try daemon.wait("job", for: "deleted")
        #expect(try keepers() == 0)
        #expect(try Files.list("\(daemon.state)/pods").isEmpty)
      }
    }

    @Test("status says that the shim is lost; a program can be executed, and the log followed all the while")
    func meanwhile() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate)
        let log = "\(gate.path)/followed"
        let output = try Files.open(log, O_WRONLY | O_CREAT)
        let follower = try Spawn.start(
          Binaries.berth, arguments: ["berth", "--address", daemon.socket, "logs", "-f", "job"], environment: Command.environment,
          descriptors: [(1, output.raw)])
        try killIdleShim(daemon, pod)
        try keeper(daemon, pod)
        let lost = try daemon.pod("job", "has lost its shim") { $0.reason == "ShimLost" }
        #expect(lost.container.isRunning && lost.container.pid == pod.container.pid)
        let session = try daemon.berth("exec", "job", "--", "sh", "-c", "hostname; exit 3")
        #expect(session.exit == 3 && session.stdout == "job\n", "\(session)")
        try gate.write("", to: "open")
        try eventually("the last line has been followed") { try Files.readText(log, limit: 64 << 20).hasSuffix("\n\(2 * Self.half)\n") }
        kill(follower, SIGTERM)
        Children.wait(for: follower, deadline: .seconds(20))
        #expect(try Files.readText(log, limit: 64 << 20).split(separator: "\n").count == 2 * Self.half)
        try expectWhole(daemon, pod)
      }
    }

    @Test(
      "what is executed by a keeper is where the container is, and the pod's end leaves nothing",
      arguments: ["", "user_namespace = \"auto\"", "share_process_namespace = true", "hostname = \"other\""])
    func namespaces(pod key: String) throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of(pod: key))
        try killShim(daemon, pod)
        try keeper(daemon, pod)
        let kinds = ["net", "ipc", "uts", "mnt", "pid", "cgroup", "user"]
        let spaces = try kinds.map { try Files.readLink("/proc/\(pod.container.pid ?? 0)/ns/\($0)") }
        let look = "cd /proc/self/ns; for i in \(kinds.joined(separator: " ")); do readlink $i; done"
        let inside = try daemon.berth("exec", "web", "--", "sh", "-c", look)
        #expect(inside.stdout.split(separator: "\n").map(String.init) == spaces, "\(inside)")
        #expect(try daemon.berth("restart", "web").exit == 0)
        let again = try daemon.pod("web", "is made anew") { $0.phase == "Running" && $0.uid != pod.uid }
        #expect(!isAlive(pod.container.pid) && isAlive(again.container.pid))
        #expect(try keepers() == 0)
        #expect(try Files.list("\(daemon.state)/pods") == [again.uid])
      }
    }

    @Test("daemon, shim and keepers are killed over and over: one run, and its own exit code")
    func chaos() throws {
      try withDaemon { daemon in
        var random = SeededGenerator(seed: 5)
        let gate = try TemporaryDirectory("gate")
        let script = "echo run >> /gate/runs; n=0; while [ ! -e /gate/open ]; do echo $((n = n + 1)); usleep 100; done; exit 42"
        let pod = try drop(daemon, gate, script)
        for _ in 0..<15 {
          if Bool.random(using: &random) { daemon.crash() }
          for victim in ["shim", "keeper"] where Bool.random(using: &random) {
            if let pid = identity(daemon, pod, victim), isAlive(Int64(pid)), pid > 1 { kill(pid, SIGKILL) }
          }
          if daemon.pid == nil { try daemon.start() }
          let now = try daemon.pod("job")
          #expect(now?.container.pid == pod.container.pid, "\(now?.json.pretty() ?? "no status")\n\(daemon.log)")
          #expect(try keepers() <= 1)
        }
        try gate.write("", to: "open")
        let ended = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
        #expect(ended.container.exitCode == 42 && ended.uid == pod.uid, "\(ended.json.pretty())")
        #expect(try Files.readText("\(gate.path)/runs") == "run\n")
      }
    }

    @Test("a keeper that is killed is followed by another")
    func keeperKilled() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate)
        try killIdleShim(daemon, pod)
        var last = try keeper(daemon, pod)
        for _ in 0..<3 {
          // It has read on and waits for more.
          _ = try daemon.berth("exec", "job", "--", "true")
          #expect(kill(last, SIGKILL) == 0)
          last = try keeper(daemon, pod, otherThan: last)
        }
        try gate.write("", to: "open")
        try expectWhole(daemon, pod)
      }
    }

    @Test("daemon and shim are killed together: the writer waits for the next daemon's keeper")
    func bothKilled() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate)
        try waitForLines(daemon, Self.half)
        daemon.crash()
        try killShim(daemon, pod)
        try gate.write("", to: "open")
        try eventually("the writer is held up by its full FIFO") {
          (try? Files.readText("/proc/\(pod.container.pid ?? 0)/wchan")).map { $0.contains("pipe") } ?? false
        }
        try daemon.start()
        let found = try keeper(daemon, pod)
        // The next finds the keeper instead of making another.
        daemon.crash()
        try daemon.start()
        #expect(identity(daemon, pod, "keeper").map { $0 == found } ?? true)
        try expectWhole(daemon, pod)
      }
    }

    @Test("a keeper whose daemon was killed before it said what to keep is told by the next")
    func untold() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate)
        try waitForLines(daemon, Self.half)
        daemon.crash()
        let shim = try #require(identity(daemon, pod, "shim"))
        try killShim(daemon, pod)
        try eventually("the shim is gone") { !isAlive(Int64(shim)) }
        var peer: FD?
        let ours = try PacketConnection.pair(peer: &peer)
        let untold = try Spawn.start(
          Binaries.shim, arguments: ["berth-shim", "\(daemon.state)/pods/\(pod.uid)", "keep", "0"],
          descriptors: [(3, peer.descriptor ?? -1)])
        #expect(try keeper(daemon, pod) == untold)
        try daemon.start()
        try gate.write("", to: "open")
        try expectWhole(daemon, pod)
        #expect(identity(daemon, pod, "keeper") == untold)
        try daemon.remove("job")
        try daemon.wait("job", for: "deleted")
        #expect(Children.wait(for: untold, deadline: .seconds(20)) == .signaled(SIGKILL))
        // Up to here somebody was connected, so that it had no reason to end by itself.
        _ = ours.raw
      }
    }

    @Test("an end that comes before the keeper is known all the same, with the last words")
    func endInBetween() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let script = "echo ready; while [ ! -e /gate/open ]; do usleep 5000; done; echo last; exit 7"
        let pod = try drop(daemon, gate, script)
        try eventually("it says so") { try daemon.logs("job") == "ready\n" }
        let berthd = try #require(daemon.pid)
        #expect(kill(berthd, SIGSTOP) == 0)
        try killShim(daemon, pod)
        try gate.write("", to: "open")
        try eventually("it has ended and is reaped") { !Files.exists("/proc/\(pod.container.pid ?? 0)") }
        #expect(kill(berthd, SIGCONT) == 0)
        let ended = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
        #expect(ended.container.exitCode == 7 && ended.uid == pod.uid, "\(ended.json.pretty())")
        #expect(try daemon.logs("job") == "ready\nlast\n")
      }
    }

    @Test("an end that nobody saw is called unknown, and the job isn't run again")
    func unknown() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        let pod = try drop(daemon, gate, "echo run >> /gate/runs; while [ ! -e /gate/open ]; do usleep 5000; done")
        daemon.crash()
        try killShim(daemon, pod)
        try gate.write("", to: "open")
        try eventually("it has ended and is reaped") { !Files.exists("/proc/\(pod.container.pid ?? 0)") }
        try daemon.start()
        let ended = try daemon.pod("job", "has ended") { $0.phase == "Failed" }
        #expect(ended.container.exitCode == nil && ended.container.reason == "Unknown", "\(ended.json.pretty())")
        try daemon.sync()
        #expect(try Files.readText("\(gate.path)/runs") == "run\n")
      }
    }

    @Test("a container is stopped within its grace, by the keeper")
    func stop() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of("trap 'echo asked' TERM; while true; do sleep 1; done"))
        try killShim(daemon, pod)
        try keeper(daemon, pod)
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        #expect(!isAlive(pod.container.pid))
        #expect(try keepers() == 0)
      }
    }
  }
}
