import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("the daemon dies")
  struct Crashes {
    @Test("kill -9 of the daemon: the next one finds the same process and restarts nothing")
    func sameProcess() throws {
      try withDaemon { daemon in
        let before = try daemon.run("web", ManifestText.of())
        daemon.crash()
        #expect(isAlive(before.container.pid))
        try daemon.start()
        try daemon.sync()
        let after = try daemon.pod("web")
        #expect(after?.phase == "Running")
        #expect(after?.container.pid == before.container.pid)
        #expect(after?.container.id == before.container.id)
        #expect(after?.container.restarts == 0)
        #expect(after?.uid == before.uid)
      }
    }

    @Test("the first answer of the next daemon has every pod, with the address that it has")
    func firstAnswer() throws {
      try withDaemon { daemon in
        let names = (0..<12).map { "pod-\($0)" }
        for name in names { try daemon.drop(name, NetworkPods.idle()) }
        let before = try names.map { name in try daemon.pod(name, "runs") { $0.phase == "Running" && !NetworkPods.addresses($0).isEmpty } }
        daemon.crash()
        try daemon.startWithoutWaiting()
        let answer = try eventually("berthd answers", seen: { daemon.log }) {
          let result = try daemon.berth("status", "-o", "json")
          return result.exit == 0 ? try result.json().array?.map(PodView.init) : nil
        }
        let after = Dictionary(uniqueKeysWithValues: answer.map { ($0.name, $0) })
        #expect(Set(after.keys) == Set(names))
        for pod in before {
          #expect(after[pod.name]?.phase == "Running")
          #expect(after[pod.name].map(NetworkPods.addresses) == NetworkPods.addresses(pod))
        }
      }
    }

    @Test("a program that the killed daemon was just starting keeps its lock a moment longer; the next daemon waits for it")
    func lockMeanwhile() throws {
      try withDaemon { daemon in
        daemon.crash()
        let mark = "\(daemon.directory.path)/held"
        _ = try Command.run("sh", ["-c", "flock \(daemon.root)/lock sh -c 'touch \(mark); sleep 0.5' > /dev/null 2>&1 &"])
        try eventually("the lock is held") { Files.exists(mark) }
        try daemon.start()
      }
    }

    @Test("SIGTERM leaves the pods running too")
    func stop() throws {
      try withDaemon { daemon in
        let before = try daemon.run("web", ManifestText.of())
        try daemon.stop()
        #expect(isAlive(before.container.pid))
        try daemon.start()
        #expect(try daemon.pod("web", "is found") { $0.container.isRunning }.container.pid == before.container.pid)
      }
    }

    @Test("an end while no daemon runs is reported exactly")
    func endMeanwhile() throws {
      try withDaemon { daemon in
        let gate = try TemporaryDirectory("gate")
        try daemon.drop(
          "job",
          ManifestText.job(
            "while [ ! -e /gate/open ]; do sleep 0.02; done; exit 7", container: "mounts = [\"gate:/gate:ro\"]",
            tables: "[[volume]]\nname = \"gate\"\nhost_path = \"\(gate.path)\""))
        let pid = try daemon.pod("job", "runs") { $0.container.isRunning }.container.pid
        daemon.crash()
        try gate.write("", to: "open")
        try eventually("the job ends") { !isAlive(pid) }
        try daemon.start()
        let pod = try daemon.pod("job", "is found ended") { $0.phase == "Failed" }
        #expect(pod.container.exitCode == 7)
        #expect(pod.container.restarts == 0)
      }
    }

    @Test("what a container prints while no daemon runs is in its log, in order and whole")
    func logMeanwhile() throws {
      try withDaemon { daemon in
        try daemon.drop("talk", ManifestText.job("n=0; while [ $n -lt 400 ]; do n=$((n + 1)); echo $n; sleep 0.005; done"))
        try daemon.pod("talk", "runs") { $0.container.isRunning }
        daemon.crash()
        try daemon.start()
        try daemon.pod("talk", "ends") { $0.phase == "Succeeded" }
        #expect(try daemon.logs("talk") == (1...400).map { "\($0)\n" }.joined())
      }
    }

    @Test("a manifest removed while no daemon runs: its pod goes when the next one starts")
    func removedMeanwhile() throws {
      try withDaemon { daemon in
        let pid = try daemon.run("web", ManifestText.of()).container.pid
        daemon.crash()
        try daemon.remove("web")
        try daemon.start()
        try daemon.wait("web", for: "deleted")
        #expect(!isAlive(pid))
      }
    }

    @Test("kills again and again while pods come and go: one container a pod in the end, and nothing else")
    func killLoop() throws {
      try withDaemon { daemon in
        for round in 0..<6 {
          for pod in 0..<4 { try daemon.drop("pod-\(pod)", ManifestText.of(container: "env = { ROUND = \"\(round / (pod + 1))\" }")) }
          daemon.crash()
          try daemon.start()
        }
        try daemon.sync()
        for pod in 0..<4 { try daemon.pod("pod-\(pod)", "runs") { $0.phase == "Running" } }
        #expect(try livingShims() == 4)
      }
    }

    /// Shims without the children that keep their bare name before they execute.
    private func livingShims() throws -> Int {
      func isShim(_ pid: String) -> Bool { (try? Files.readText("/proc/\(pid)/comm")) == "berth-shim\n" && isAlive(Int64(pid)) }
      return try Files.list("/proc").filter { pid in
        guard isShim(pid), let status = try? Files.readText("/proc/\(pid)/status") else { return false }
        let parent = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }?.filter(\.isNumber) ?? ""
        return !isShim(parent)
      }.count
    }

    @Test("a killed shim loses no other pod, and its own comes back")
    func shimKilled() throws {
      try withDaemon { daemon in
        let other = try daemon.run("other", ManifestText.of())
        let pod = try daemon.run("web", ManifestText.of(pod: "restart_backoff = { initial = \"100ms\", max = \"100ms\" }"))
        let status = try Files.readText("/proc/\(pod.container.pid ?? 0)/status")
        let parent = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap { Int64($0.filter(\.isNumber)) }
        #expect(try Command.run("sh", ["-c", "kill -9 \(parent ?? 0)"]).exit == 0)
        // Either the container goes on without its shim, or it ends and is started anew; never two of it.
        try daemon.pod("web", "runs with or without its shim") { $0.container.isRunning || $0.reason == "ShimLost" }
        #expect(try daemon.pod("other")?.container.pid == other.container.pid)
      }
    }
  }
}
