import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("after a reboot")
  struct Reboots {
    /// What a daemon finds after one: none of the state folder counts.
    private func reboot(_ daemon: DaemonUnderTest) throws {
      try Files.writeAtomically(Array("another boot".utf8), to: "\(daemon.state)/boot_id")
      try daemon.start()
    }

    /// Appends a line to a file of the node for each run.
    private func counted(_ script: String, _ name: String, _ daemon: DaemonUnderTest, pod: String = "") throws -> String {
      let folder = "\(daemon.directory.path)/runs"
      try Files.makeDirectories(folder, mode: 0o755)
      return try ManifestText.of(
        "echo run >> /runs/\(name); \(script)", pod: pod, container: "mounts = [\"runs:/runs\"]",
        tables: "[[volume]]\nname = \"runs\"\nhost_path = { path = \"\(folder)\" }")
    }

    private func runs(_ name: String, _ daemon: DaemonUnderTest) throws -> Int {
      try Files.readText("\(daemon.directory.path)/runs/\(name)").split(separator: "\n").count
    }

    @Test("ends are kept: what had finished stays so, what may run once isn't run twice, the rest goes on and counts on, in order")
    func ends() throws {
      try withDaemon { daemon in
        try daemon.drop("bad", counted("echo said; exit 42", "bad", daemon, pod: "restart_policy = \"never\""))
        try daemon.drop("good", counted("exit 0", "good", daemon, pod: "restart_policy = \"on-failure\""))
        try daemon.drop("once", counted(ManifestText.stay, "once", daemon, pod: "restart_policy = \"never\""))
        try daemon.drop("retry", counted(ManifestText.stay, "retry", daemon, pod: "restart_policy = \"on-failure\""))
        try daemon.drop("web", counted("test $(wc -l < /runs/web) -gt 1 || exit 7; \(ManifestText.stay)", "web", daemon))
        let condition = "depends_on = [{ pod = \"good\", condition = \"succeeded\" }]"
        try daemon.drop("after", counted(ManifestText.stay, "after", daemon, pod: condition))
        let bad = try daemon.pod("bad", "fails") { $0.phase == "Failed" }
        _ = try daemon.pod("good", "succeeds") { $0.phase == "Succeeded" }
        for name in ["once", "retry", "after"] { _ = try daemon.pod(name, "runs") { $0.container.isRunning } }
        let web = try daemon.pod("web", "runs again") { $0.container.isRunning && $0.container.restarts == 1 }
        #expect(web.container.json["last_state"]?["exit_code"]?.integer == 7, "\(web.container.json)")
        try daemon.stop()
        try reboot(daemon)

        let badAfter = try daemon.pod("bad", "is Failed still") { $0.phase == "Failed" }
        #expect(badAfter.uid == bad.uid && badAfter.container.exitCode == 42 && badAfter.container.reason == "Error")
        #expect(badAfter.container.json["finished_at"] == bad.container.json["finished_at"])
        #expect(try daemon.logs("bad").contains("said"))
        _ = try daemon.pod("good", "is Succeeded still") { $0.phase == "Succeeded" && $0.container.exitCode == 0 }
        let once = try daemon.pod("once", "isn't run twice") { $0.phase == "Failed" }
        #expect(once.reason == "Interrupted" && once.message.contains("restart_policy") && !once.container.isRunning)
        let retry = try daemon.pod("retry", "runs again") { $0.container.isRunning }
        #expect(retry.container.restarts == 1)
        #expect(retry.container.json["last_state"]?["message"]?.string?.contains("went down") == true, "\(retry.container.json)")
        let webAfter = try daemon.pod("web", "runs again") { $0.container.isRunning }
        #expect(webAfter.uid != web.uid && webAfter.container.restarts == 2)
        _ = try daemon.pod("after", "runs again: its dependency has succeeded") { $0.container.isRunning && $0.container.restarts == 1 }
        #expect(try daemon.berth("explain", "retry").stdout.contains("went down"))
        try eventually("all have run") { try runs("web", daemon) == 3 && runs("retry", daemon) == 2 && runs("after", daemon) == 2 }
        for name in ["bad", "good", "once"] { #expect(try runs(name, daemon) == 1, "\(name)") }

        // Another daemon of that boot, and another boot, find the same.
        daemon.crash()
        try daemon.start()
        #expect(try daemon.pod("bad")?.container.exitCode == 42)
        try daemon.stop()
        try reboot(daemon)
        _ = try daemon.pod("bad", "is Failed still") { $0.phase == "Failed" && $0.container.exitCode == 42 && $0.uid == bad.uid }
        _ = try daemon.pod("retry", "runs again") { $0.container.isRunning && $0.container.restarts == 2 }

        // Another spec is another pod; a manifest that goes takes all of it with it.
        try daemon.drop("bad", counted("exit 0", "bad", daemon, pod: "restart_policy = \"never\""))
        _ = try daemon.pod("bad", "is run") { $0.phase == "Succeeded" && $0.uid != bad.uid && $0.container.restarts == 0 }
        try daemon.remove("once")
        try daemon.sync()
        try daemon.stop()
        try reboot(daemon)
        try daemon.drop("once", counted("exit 0", "once", daemon, pod: "restart_policy = \"never\""))
        _ = try daemon.pod("once", "is run") { $0.phase == "Succeeded" }
        #expect(try runs("bad", daemon) == 2)
      }
    }

    @Test("a shutdown counts as the node's end: jobs that it ended aren't taken for done, those that may run once aren't run again")
    func shutdown() throws {
      try withDaemon { daemon in
        let stay = "trap 'exit 0' TERM; sleep 100000 & wait"
        try daemon.drop("once", counted(stay, "once", daemon, pod: "restart_policy = \"never\""))
        try daemon.drop("retry", counted(stay, "retry", daemon, pod: "restart_policy = \"on-failure\""))
        try daemon.drop("done", counted("exit 0", "done", daemon, pod: "restart_policy = \"on-failure\""))
        for name in ["once", "retry"] { _ = try daemon.pod(name, "runs") { $0.container.isRunning } }
        _ = try daemon.pod("done", "succeeds") { $0.phase == "Succeeded" }
        #expect(try daemon.berth("shutdown").exit == 0)
        try daemon.stop()
        try reboot(daemon)
        let once = try daemon.pod("once", "isn't run twice") { $0.phase == "Failed" }
        #expect(once.reason == "Interrupted" && once.container.exitCode == 0)
        let retry = try daemon.pod("retry", "runs again") { $0.container.isRunning }
        #expect(retry.container.restarts == 1 && retry.container.json["last_state"]?["exit_code"]?.integer == 0)
        _ = try daemon.pod("done", "is Succeeded still") { $0.phase == "Succeeded" }
        #expect(try runs("done", daemon) == 1)
      }
    }
  }
}
