import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("approval: mode = \"manual\"")
  struct Approval {
    private static let config = "[manifests]\nremoval_delay = \"50ms\"\nmode = \"manual\"\n"

    private func plan(_ daemon: DaemonUnderTest) throws -> String {
      try #require(try daemon.berth("diff", "-o", "json").json()["plan_id"]?.string)
    }

    private func approve(_ daemon: DaemonUnderTest) throws {
      let answer = try daemon.berth("apply", "--plan", try plan(daemon))
      #expect(answer.exit == 0, "\(answer)")
    }

    @Test("nothing is done before its plan is approved; a plan that isn't what waits any more is refused")
    func waits() throws {
      try withDaemon(config: Self.config) { daemon in
        try daemon.drop("app", try ManifestText.of("echo first; \(ManifestText.stay)"))
        try daemon.sync()
        let waiting = try #require(try daemon.pod("app"))
        #expect(waiting.reason == "Suspended" && waiting.message.contains("waits for approval") && waiting.uid.isEmpty)
        let diff = try daemon.berth("diff")
        #expect(diff.exit == 2 && diff.stdout.contains("create pod") && diff.stdout.contains("berth apply --plan"), "\(diff)")
        let first = try plan(daemon)
        #expect(try plan(daemon) == first)

        try daemon.drop("app", try ManifestText.of("echo second; \(ManifestText.stay)"))
        try daemon.sync()
        let refused = try daemon.berth("apply", "--plan", first)
        #expect(refused.exit == 1 && refused.stderr.contains("stale"), "\(refused)")
        #expect(try daemon.pod("app")?.reason == "Suspended")

        try approve(daemon)
        try daemon.pod("app", "runs") { $0.container.isRunning }
        #expect(try daemon.berth("diff").exit == 0)
        #expect(try daemon.berth("apply", "--plan", first).stderr.contains("no plan waits"))
      }
    }

    @Test("what was approved runs on: over an edit, a removal, another daemon and a crash of its container")
    func keeps() throws {
      try withDaemon(config: Self.config) { daemon in
        let first = try ManifestText.of("echo first; \(ManifestText.stay)")
        try daemon.drop("app", first)
        try daemon.sync()
        try approve(daemon)
        let running = try daemon.pod("app", "runs") { $0.container.isRunning }

        try daemon.drop("app", try ManifestText.of("echo second; \(ManifestText.stay)"))
        try daemon.sync()
        try daemon.stop()
        try daemon.start()
        try daemon.sync()
        let kept = try daemon.pod("app", "waits") { $0.message.contains("a changed manifest waits for approval") }
        #expect(kept.uid == running.uid && kept.specHash == running.specHash && kept.container.pid == running.container.pid)

        // What it takes to keep the approved spec needs no approval.
        #expect(try daemon.berth("exec", "app", "--", "kill", "-TERM", "1").exit != nil)
        try daemon.pod("app", "is restarted") { $0.container.restarts == 1 && $0.container.isRunning && $0.uid == running.uid }

        try daemon.remove("app")
        try daemon.pod("app", "waits") { $0.message.contains("its manifest was removed") && $0.container.isRunning }
        try approve(daemon)
        try daemon.wait("app", for: "deleted")
      }
    }

    @Test("where plans take effect at once there is nothing to approve")
    func automatic() throws {
      try withDaemon { daemon in
        let answer = try daemon.berth("apply", "--plan", "0123456789ab")
        #expect(answer.exit == 1 && answer.stderr.contains("mode = \"manual\""), "\(answer)")
      }
    }
  }
}
