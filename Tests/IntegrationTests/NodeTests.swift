import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("the daemon and its neighbours")
  struct Node {
    @Test("two daemons with different roots live side by side, with pods of one name")
    func twoDaemons() throws {
      try withDaemon { one in
        // Before the census that the other daemon is held to.
        let first = try one.run("web", ManifestText.of())
        try withDaemon { two in
          let second = try two.run("web", ManifestText.of())
          #expect(first.container.pid != second.container.pid)
          #expect(
            try ControlGroup(of: first.container.pid ?? 0).directory("pids")
              != ControlGroup(of: second.container.pid ?? 0).directory("pids"))
          try two.remove("web")
          try two.wait("web", for: "deleted")
          #expect(try one.pod("web")?.container.pid == first.container.pid)
          try two.tearDown()
          #expect(isAlive(first.container.pid))
        }
      }
    }

    @Test("a second daemon on one root is refused in a clear line")
    func sameRoot() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        let result = try Command.run(
          Binaries.berthd,
          [
            "--manifests", daemon.manifests, "--root", daemon.root, "--state", daemon.state, "--address",
            "\(daemon.directory.path)/other.sock",
          ])
        #expect(result.exit == 1, "\(result)")
        #expect((result.stderr + result.stdout).contains(daemon.root), "\(result)")
        #expect(try daemon.pod("web")?.container.pid == pod.container.pid)
      }
    }

    @Test("a daemon has no thread that wakes up to look after itself: libdispatch's pool stays out")
    func threads() throws {
      try withDaemon { daemon in
        _ = try daemon.run("web", ManifestText.of())
        let pid = try #require(daemon.pid)
        let names = try Files.list("/proc/\(pid)/task").compactMap { try? Files.readText("/proc/\(pid)/task/\($0)/comm") }
        #expect(names.contains { $0.hasPrefix("tasks-") }, "\(names)")
        #expect(!names.contains { $0.contains("qos") }, "\(names)")
      }
    }

    @Test("berthd --once converges once and says by its exit code whether it did")
    func once() throws {
      let before = try LeakCensus.take()
      let daemon = try DaemonUnderTest(start: false)
      try daemon.drop("job", ManifestText.job("true"))
      let good = try Command.run(Binaries.berthd, ["--once"] + daemon.flags)
      #expect(good.exit == 0, "\(good)")
      #expect((good.stdout + good.stderr).contains("job"))
      try daemon.drop("bad", "nonsense")
      #expect(try Command.run(Binaries.berthd, ["--once"] + daemon.flags).exit == 1)
      // What has lost its manifest since goes.
      try Files.unlink("\(daemon.manifests)/bad.toml")
      try Files.unlink("\(daemon.manifests)/job.toml")
      let empty = try Command.run(Binaries.berthd, ["--once"] + daemon.flags)
      #expect(empty.exit == 0 && (empty.stdout + empty.stderr).contains("Removed"), "\(empty)")
      #expect(try Files.list("\(daemon.state)/pods").isEmpty)
      try daemon.tearDown()
      #expect(try LeakCensus.leaks(since: before).isEmpty)
    }

    @Test("the default configuration is the repository's config.toml, and an unknown key in it is an error with its place")
    func configuration() throws {
      let printed = try Command.run(Binaries.berthd, ["config", "default"])
      #expect(printed.exit == 0)
      let repository = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))
      #expect(printed.stdout == (try Files.readText("\(repository)/config.toml")))
      let daemon = try DaemonUnderTest(config: "[manifests]\nremoval_dely = \"1s\"\n", start: false)
      let refused = try Command.run(Binaries.berthd, daemon.flags)
      #expect(refused.exit == 1, "\(refused)")
      #expect(refused.stderr.contains("config.toml:2:1"), "\(refused)")
    }

    @Test("teardown leaves nothing, whether or not the daemon runs")
    func teardown() throws {
      let before = try LeakCensus.take()
      let daemon = try DaemonUnderTest()
      try daemon.run("web", ManifestText.of())
      try daemon.stop()
      try daemon.tearDown()
      #expect(try LeakCensus.leaks(since: before).isEmpty)
    }

    @Test("a daemon at rest keeps no descriptor of pods that are gone")
    func descriptors() throws {
      try withDaemon { daemon in
        _ = try daemon.run(job: "first", "true")
        try daemon.remove("first")
        try daemon.wait("first", for: "deleted")
        let before = try LeakCensus.take(descriptorsOf: daemon.pid)
        for number in 0..<5 {
          _ = try daemon.run(job: "job-\(number)", "true")
          try daemon.remove("job-\(number)")
          try daemon.wait("job-\(number)", for: "deleted")
        }
        let leaks = try LeakCensus.leaks(since: before, descriptorsOf: daemon.pid)
        #expect(leaks.isEmpty, "\(leaks)")
      }
    }
  }
}
