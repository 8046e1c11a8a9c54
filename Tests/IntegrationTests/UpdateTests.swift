import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("updates")
  struct Updates {
    private static let update = "update = { progress_deadline = \"4s\" }"

    private func reason(_ daemon: DaemonUnderTest) throws -> String { try daemon.pod("app")?.message ?? "" }

    /// Waits until the newest revision is known to be good.
    private func settle(_ daemon: DaemonUnderTest, revision: Int64) throws {
      try eventually("revision \(revision) is good") {
        let last = try daemon.berth("history", "app", "-o", "json").json()["revisions"]?.array?.last
        return last?["revision"]?.integer == revision && last?["outcome"]?.string == "good"
      }
    }

    @Test("an update that fails where no earlier one was ever ready stays, and the event says why")
    func nothingToPutBack() throws {
      try withDaemon { daemon in
        let update = "update = { progress_deadline = \"1s\" }"
        try daemon.drop("app", try ManifestText.of("exit 1", pod: update))
        _ = try daemon.pod("app", "runs") { !$0.uid.isEmpty }
        try eventually("the first fails") { try daemon.berth("events").stdout.contains("revision 1: not ready within 1s\n") }
        try daemon.drop("app", try ManifestText.of("exit 2", pod: update))
        let why = "revision 2: not ready within 1s; no earlier one was ever ready, so none is put back\n"
        try eventually("the second says why it stays") { try daemon.berth("events").stdout.contains(why) }
      }
    }

    @Test("an update that isn't ready in time is rolled back, isn't tried again, and a later good one is taken")
    func rollback() throws {
      try withDaemon { daemon in
        try daemon.run("app", try ManifestText.of("echo first; \(ManifestText.stay)", pod: Self.update))
        try settle(daemon, revision: 1)
        let good = try #require(try daemon.pod("app"))
        try daemon.drop("app", try ManifestText.of("echo second; exit 1", pod: Self.update))
        let back = try daemon.pod("app", "is back", within: .seconds(60)) {
          $0.specHash == good.specHash && $0.container.isRunning && $0.uid != good.uid
        }
        #expect(back.message.contains("revision 1 was put back"), "\(back.message)")
        let history = try daemon.berth("history", "app")
        #expect(history.stdout.contains("failed") && history.stdout.contains("not ready within 4s"))

        // Neither a rescan nor another daemon tries it again.
        try daemon.sync()
        try daemon.stop()
        try daemon.start()
        try daemon.sync()
        let after = try #require(try daemon.pod("app"))
        #expect(after.uid == back.uid && after.message.contains("put back"))

        try daemon.drop("app", try ManifestText.of("echo third; \(ManifestText.stay)", pod: Self.update))
        try daemon.pod("app", "is new") { $0.specHash != good.specHash && $0.container.isRunning }
        try eventually("the third runs") { (try? daemon.logs("app"))?.contains("third") == true }
      }
    }

    @Test("rollback by hand runs an earlier revision until the file changes")
    func byHand() throws {
      try withDaemon { daemon in
        let first = try daemon.run("app", try ManifestText.of("echo first; \(ManifestText.stay)", pod: Self.update))
        try settle(daemon, revision: 1)
        try daemon.drop("app", try ManifestText.of("echo second; \(ManifestText.stay)", pod: Self.update))
        try settle(daemon, revision: 2)
        let answer = try daemon.berth("rollback", "app")
        #expect(answer.exit == 0, "\(answer)")
        try daemon.pod("app", "is the first again") { $0.specHash == first.specHash && $0.container.isRunning }
        #expect(try daemon.berth("rollback", "app", "99").stderr.contains("there is no revision 99"))
        try daemon.drop("app", try ManifestText.of("echo fourth; \(ManifestText.stay)", pod: Self.update))
        try eventually("the file counts again") { (try? daemon.logs("app"))?.contains("fourth") == true }
      }
    }
  }
}

extension Integration {
  @Suite("updates that start first")
  struct StartFirst {
    private static let update = "update = { strategy = \"start-first\", progress_deadline = \"6s\" }"

    /// Becomes ready a while after its start.
    private func manifest(_ word: String, ready: Bool = true, more: String = "") throws -> String {
      try ManifestText.of(
        "echo \(word); sleep 0.3; \(ready ? "touch /ready" : ":"); \(ManifestText.stay)", pod: Self.update,
        container: "readiness_probe = { exec = { command = [\"test\", \"-e\", \"/ready\"] }, period = \"1s\" }\n\(more)")
    }

    private func isReady(_ daemon: DaemonUnderTest, _ word: String) throws -> PodView {
      try daemon.pod("app", "\(word) is ready") {
        $0.isReady && (try? daemon.logs("app"))?.contains(word) == true && $0.json["converged"]?.bool == true
      }
    }

    /// The processes of every instance of the one pod that there is.
    private func instances(_ daemon: DaemonUnderTest) -> Set<String> { Set((try? Files.list("\(daemon.state)/pods")) ?? []) }

    @Test("the pod is never without a ready instance, by what the kernel and the status say at every moment of an update")
    func neverWithout() throws {
      try withDaemon { daemon in
        try daemon.drop("app", try manifest("first"))
        let first = try isReady(daemon, "first")
        try daemon.drop("app", try manifest("second"))
        var looks = 0
        try daemon.pod("app", "is the second") { pod in
          looks += 1
          // Whoever serves is ready, and the first is there until the second serves.
          #expect(pod.isReady, "look \(looks): \(pod.json.pretty())")
          if pod.uid == first.uid, !isAlive(first.container.pid) {
            let now = try? daemon.pod("app")
            #expect(now?.uid != first.uid && now?.isReady == true, "look \(looks)")
          }
          return pod.uid != first.uid
        }
        let second = try isReady(daemon, "second")
        #expect(second.uid != first.uid && looks > 1)
        #expect(instances(daemon) == [second.uid])
        #expect(!isAlive(first.container.pid))
      }
    }

    @Test("one that doesn't become ready goes again, and the pod that runs was never touched")
    func fails() throws {
      try withDaemon { daemon in
        try daemon.drop("app", try manifest("first"))
        let first = try isReady(daemon, "first")
        try eventually("revision 1 is good") {
          try daemon.berth("history", "app", "-o", "json").json()["revisions"]?.array?.last?["outcome"]?.string == "good"
        }
        try daemon.drop("app", try manifest("second", ready: false))
        let after = try daemon.pod("app", "is rolled back", within: .seconds(60)) { pod in
          #expect(pod.isReady && pod.uid == first.uid)
          return pod.message.contains("revision 1 was put back") && pod.json["converged"]?.bool == true
        }
        #expect(after.container.pid == first.container.pid && after.container.restarts == 0)
        #expect(instances(daemon) == [first.uid])
      }
    }

    @Test("a daemon that is killed while two instances are there goes on with the update, whichever serves")
    func killed() throws {
      try withDaemon { daemon in
        try daemon.drop("app", try manifest("first"))
        let first = try isReady(daemon, "first")
        try daemon.drop("app", try manifest("second"))
        try eventually("two instances") { instances(daemon).count == 2 }
        daemon.crash()
        #expect(isAlive(first.container.pid))
        try daemon.start()
        let served = try daemon.pod("app", "is seen") { !$0.uid.isEmpty }
        #expect(served.isReady || served.uid != first.uid)
        let second = try daemon.pod("app", "is the second") { $0.uid != first.uid && $0.isReady && $0.json["converged"]?.bool == true }
        #expect(instances(daemon) == [second.uid])
        #expect(!isAlive(first.container.pid))
      }
    }
  }
}

extension Integration {
  @Suite("the plan")
  struct Plans {
    /// What a plan says and what the events say that was done, by the stable names of both.
    private func planned(_ answer: JSON) -> [String] {
      (answer["plans"]?.array ?? []).flatMap { $0["actions"]?.array ?? [] }.map {
        [$0["action"]?.string, $0["container"]?.string].compactMap { $0 }.joined(separator: " ")
      }
    }

    private func done(_ daemon: DaemonUnderTest, since sequence: Int64) throws -> [String] {
      try daemon.berth("events", "-o", "json").stdout.split(separator: "\n").compactMap { line in
        let event = try JSON(parsing: String(line))
        guard let action = event["action"]?.string, event["sequence"]?.integer ?? 0 > sequence else { return nil }
        return [action, event["container"]?.string].compactMap { $0 }.joined(separator: " ")
      }
    }

    private func lastEvent(_ daemon: DaemonUnderTest) throws -> Int64 {
      let line = try daemon.berth("events", "-o", "json").stdout.split(separator: "\n").last
      return try line.map { try JSON(parsing: String($0))["sequence"]?.integer ?? 0 } ?? 0
    }

    @Test("what diff says is what is done, and nothing is left to do afterwards")
    func exact() throws {
      try withDaemon { daemon in
        func container(_ name: String, _ more: String = "") throws -> String {
          "[[container]]\nname = \"\(name)\"\nimage = \"\(try ManifestText.imageReference())\"\ncommand = [\"sh\", \"-c\", '''\(ManifestText.stay)''']\n\(more)\n"
        }
        let head = "network = \"none\"\ntermination_grace_period = \"3s\"\n"
        let one = try head + container("x")
        let steps = [
          one, try head + container("x") + container("y"), try head + container("x", "resources = { memory = \"64MiB\" }") + container("y"),
          try head + "labels = { a = \"b\" }\n" + container("x", "resources = { memory = \"64MiB\" }"),
          try head + container("x", "env = { A = \"b\" }"), try head + "suspend = true\n" + container("x"), one,
        ]
        let directory = try TemporaryDirectory("plan")
        var first: PodView?
        for (at, manifest) in steps.enumerated() {
          try directory.write(manifest, to: "app.toml")
          let plan = try daemon.berth("diff", "\(directory.path)/app.toml", "-o", "json")
          let before = try lastEvent(daemon)
          try daemon.drop("app", manifest)
          try daemon.sync()
          #expect(try done(daemon, since: before) == planned(try plan.json()), "step \(at)")
          #expect(try daemon.berth("diff").exit == 0, "step \(at)")
          // In place up to the fourth: the first container is never touched.
          if at == 0 { first = try daemon.pod("app") }
          if at < 4 { #expect(try daemon.pod("app")?.container("x")?.pid == first?.container("x")?.pid, "step \(at)") }
        }
      }
    }
  }
}
