import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("schedules")
  struct Schedules {
    /// As if the last run had been long ago: what a daemon finds that was down meanwhile.
    private func forget(_ daemon: DaemonUnderTest, _ name: String) throws {
      let file = "\(daemon.root)/schedules/default_\(name).json"
      var json = try #require(try JSON(parsing: Files.read(file)).object)
      json["last"] = .integer(1_000_000_000)
      try Files.writeAtomically(JSON.object(json).encoded(), to: file)
    }

    @Test("a new job waits for its time; a run that was missed is made up for once, and how it ended is kept")
    func missed() throws {
      try withDaemon { daemon in
        // Never within the test.
        let schedule = "schedule = \"0 0 1 1 *\"\ntime_zone = \"UTC\""
        try daemon.drop("job", ManifestText.of("exit 3", pod: "restart_policy = \"never\"\n\(schedule)"))
        try daemon.drop("strict", ManifestText.of("exit 0", pod: "\(schedule)\nstarting_deadline = \"1m\""))
        let waiting = try daemon.pod("job", "waits") { $0.reason == "Scheduled" }
        #expect(waiting.phase == "Pending" && waiting.containers.allSatisfy { !$0.isRunning })
        #expect(waiting.json["next_retry_at"]?.string?.contains("-01-01T00:00:0") == true, "\(waiting.json)")
        _ = try daemon.pod("strict", "waits") { $0.reason == "Scheduled" }
        try daemon.stop()
        try forget(daemon, "job")
        try forget(daemon, "strict")
        try daemon.start()
        let ended = try daemon.pod("job", "runs and ends") { $0.phase == "Failed" }
        #expect(ended.container.exitCode == 3)
        #expect(try daemon.pod("strict")?.reason == "Scheduled")
        #expect(try daemon.berth("events").stdout.contains("MissedSchedule"))
        daemon.crash()
        try daemon.start()
        let after = try daemon.pod("job", "is remembered") { $0.phase == "Failed" }
        #expect(after.uid == ended.uid, "no second run")
        // As after a reboot.
        try daemon.stop()
        try Files.writeAtomically(Array("another boot".utf8), to: "\(daemon.state)/boot_id")
        try daemon.start()
        let rebooted = try daemon.pod("job", "is remembered") { $0.phase == "Failed" }
        #expect(rebooted.uid == ended.uid && rebooted.container.exitCode == 3)
      }
    }

    @Test("a run that a reboot interrupted goes on, and stays the run that it is")
    func interrupted() throws {
      try withDaemon { daemon in
        try daemon.drop("job", ManifestText.of(pod: "schedule = \"0 0 1 1 *\"\ntime_zone = \"UTC\""))
        _ = try daemon.pod("job", "waits") { $0.reason == "Scheduled" }
        try daemon.stop()
        try forget(daemon, "job")
        try daemon.start()
        let run = try daemon.pod("job", "runs") { $0.container.isRunning }
        try daemon.stop()
        try Files.writeAtomically(Array("another boot".utf8), to: "\(daemon.state)/boot_id")
        try daemon.start()
        let again = try daemon.pod("job", "runs again") { $0.container.isRunning }
        #expect(again.uid != run.uid && again.container.restarts == 1)
        daemon.crash()
        try daemon.start()
        #expect(try daemon.pod("job", "is the same run") { $0.container.isRunning }.uid == again.uid)
      }
    }

    @Test("allow: runs go on side by side, across a crash of the daemon, and all of them end with their manifest")
    func sideBySide() throws {
      try withDaemon { daemon in
        let script = "trap 'exit 0' TERM; sleep 100000 & wait"
        try daemon.drop("job", ManifestText.of(script, pod: "schedule = \"0 0 1 1 *\"\nconcurrency_policy = \"allow\""))
        _ = try daemon.pod("job", "waits") { $0.reason == "Scheduled" }
        try daemon.stop()
        try forget(daemon, "job")
        try daemon.start()
        let first = try daemon.pod("job", "runs") { $0.container.isRunning }
        let second = try nextRun(daemon, after: first)
        #expect(isAlive(first.container.pid) && second.message == "an earlier run goes on")
        daemon.crash()
        try daemon.start()
        let found = try daemon.pod("job", "is found") { $0.container.isRunning }
        #expect(found.uid == second.uid && found.json["earlier_runs"]?.integer == 1)
        #expect(isAlive(first.container.pid) && isAlive(second.container.pid))
        // One that ends goes; the newest stays.
        #expect(try Command.run("sh", ["-c", "kill -TERM \(first.container.pid ?? 0)"]).exit == 0)
        _ = try daemon.pod("job", "is alone") { $0.json["earlier_runs"]?.integer == 0 }
        try eventually("its folder is gone") { try Files.list("\(daemon.state)/pods") == [second.uid] }
        let third = try nextRun(daemon, after: second)
        try daemon.remove("job")
        try daemon.wait("job", for: "deleted")
        #expect(!isAlive(second.container.pid) && !isAlive(third.container.pid))
        #expect(try Files.list("\(daemon.state)/pods").isEmpty)
      }
    }

    /// As if `run` had been begun long ago.
    private func nextRun(_ daemon: DaemonUnderTest, after run: PodView) throws -> PodView {
      try daemon.stop()
      try forget(daemon, "job")
      let record = "\(daemon.state)/pods/\(run.uid)/pod.json"
      var json = try #require(try JSON(parsing: Files.read(record)).object)
      json["scheduled_for"] = .integer(1_000_000_000)
      try Files.writeAtomically(JSON.object(json).encoded(), to: record)
      try daemon.start()
      return try daemon.pod("job", "runs anew") { $0.uid != run.uid && $0.container.isRunning && $0.json["earlier_runs"]?.integer == 1 }
    }

    @Test("an edit leaves a run alone that goes on; replace ends it for the next one; a bad zone is told")
    func edits() throws {
      try withDaemon { daemon in
        func job(_ pod: String, _ script: String = ManifestText.stay) throws -> String {
          try ManifestText.of(script, pod: "schedule = \"0 0 1 1 *\"\n\(pod)")
        }
        try daemon.drop("job", job(""))
        _ = try daemon.pod("job", "waits") { $0.reason == "Scheduled" }
        try daemon.stop()
        try forget(daemon, "job")
        try daemon.start()
        let run = try daemon.pod("job", "runs") { $0.container.isRunning }
        try daemon.drop("job", job("", "echo new; \(ManifestText.stay)"))
        try daemon.sync()
        #expect(try daemon.pod("job")?.container.pid == run.container.pid)
        try daemon.drop("job", job("concurrency_policy = \"replace\""))
        try daemon.sync()
        try daemon.stop()
        try forget(daemon, "job")
        try daemon.start()
        #expect(try daemon.pod("job", "goes on: its run was the newest") { $0.container.isRunning }.uid == run.uid)
        try daemon.drop("zone", job("time_zone = \"Mars/Olympus\""))
        let lost = try daemon.pod("zone", "is told") { $0.message.contains("/usr/share/zoneinfo/Mars/Olympus") }
        #expect(lost.condition("ManifestValid") == "False")
      }
    }
  }
}
