import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("dependencies, deadlines and ends")
  struct Dependencies {
    @Test("a pod waits until what it depends on has come so far, after a restart of the daemon too")
    func held() throws {
      try withDaemon { daemon in
        let on = "depends_on = [\"db\", { pod = \"migrate\", condition = \"succeeded\" }]"
        try daemon.drop("web", ManifestText.of(pod: on))
        let missing = try daemon.pod("web", "waits") { $0.reason == "DependenciesNotReady" }
        #expect(missing.phase == "Pending" && missing.message.contains("pod default/db to be ready (there is no such pod)"))
        try daemon.drop("db", ManifestText.of())
        _ = try daemon.pod("web", "waits for the other") { $0.message.contains("default/migrate to have succeeded") }
        try daemon.stop()
        try daemon.start()
        let held = try daemon.pod("web", "still waits") { $0.message.contains("default/migrate to have succeeded") }
        #expect(held.containers.allSatisfy { !$0.isRunning })
        try daemon.drop("migrate", ManifestText.job("exit 0"))
        _ = try daemon.pod("web", "runs") { $0.container.isRunning }
      }
    }

    @Test("a circle is an error of validation, and told by a daemon that is given one")
    func circle() throws {
      try withDaemon { daemon in
        try daemon.drop("a", ManifestText.of(pod: "depends_on = [\"b\"]"))
        try daemon.drop("b", ManifestText.of(pod: "depends_on = [\"a\"]"))
        let pod = try daemon.pod("a", "is told") { $0.message.contains("in a circle: default/a → default/b → default/a") }
        #expect(pod.phase == "Pending")
        let checked = try daemon.berth("validate", "\(daemon.manifests)/a.toml", "\(daemon.manifests)/b.toml")
        #expect(checked.exit != 0 && (checked.stdout + checked.stderr).contains("depends_on goes in a circle"))
      }
    }

    @Test("shutdown stops pods in reverse order of dependency")
    func shutdown() throws {
      try withDaemon { daemon in
        let order = "\(daemon.directory.path)/order"
        try Files.makeDirectories(order, mode: 0o755)
        for (name, on) in [("one", ""), ("two", "depends_on = [\"one\"]"), ("three", "depends_on = [\"two\"]")] {
          try daemon.drop(
            name,
            ManifestText.of(
              "trap 'echo \(name) >> /order/log; exit' TERM; sleep 100000 & wait", pod: on, container: "mounts = [\"order:/order\"]",
              tables: "[[volume]]\nname = \"order\"\nhost_path = \"\(order)\""))
        }
        _ = try daemon.pod("three", "runs") { $0.container.isRunning }
        #expect(try daemon.berth("shutdown").exit == 0)
        #expect(try Files.readText("\(order)/log") == "three\ntwo\none\n")
        #expect(daemon.log.contains("the node is shut down") && !daemon.log.contains("its manifest was removed"), "\(daemon.log)")
      }
    }

    @Test("active_deadline fails the whole pod, whatever its restart policy")
    func deadline() throws {
      try withDaemon { daemon in
        try daemon.drop("slow", ManifestText.of(pod: "active_deadline = \"1s\""))
        let pod = try daemon.pod("slow", "has failed and ended") { $0.phase == "Failed" && !$0.container.isRunning }
        #expect(pod.reason == "DeadlineExceeded")
        try daemon.stop()
        try daemon.start()
        #expect(try daemon.pod("slow", "is there") { $0.phase == "Failed" }.reason == "DeadlineExceeded")
      }
    }

    @Test("ttl_after_finished leaves nothing of a finished pod but how it ended, and it isn't run again")
    func timeToLive() throws {
      try withDaemon { daemon in
        try daemon.drop("once", ManifestText.job("exit 7", pod: "ttl_after_finished = \"0s\""))
        _ = try daemon.pod("once", "has ended") { $0.phase == "Failed" }
        _ = try daemon.berth("sync", "--wait")
        #expect(try daemon.berth("events").stdout.contains("Released"))
        try daemon.stop()
        try daemon.start()
        let after = try daemon.pod("once", "is remembered") { $0.phase == "Failed" }
        #expect(after.container.exitCode == 7 && after.container.restarts == 0)
      }
    }

    @Test("conditions are held when a container is restarted, and after a reboot; what runs is left alone")
    func heldAgain() throws {
      try withDaemon { daemon in
        let gate = "\(daemon.directory.path)/gate"
        try Files.makeDirectories(gate, mode: 0o755)
        let volume = "[[volume]]\nname = \"gate\"\nhost_path = \"\(gate)\""
        let probe =
          "readiness_probe = { exec = { command = [\"test\", \"-e\", \"/gate/open\"] }, period = \"100ms\", failure_threshold = 1 }"
        try daemon.drop("db", ManifestText.of(container: "mounts = [\"gate:/gate\"]\n\(probe)", tables: volume))
        let script = "until test -e /gate/end; do sleep 0.1; done; rm /gate/end"
        try daemon.drop(
          "web", ManifestText.of(script, pod: "depends_on = [\"db\"]", container: "mounts = [\"gate:/gate\"]", tables: volume))
        _ = try daemon.pod("web", "waits") { $0.reason == "DependenciesNotReady" }
        try Files.writeAtomically([UInt8](), to: "\(gate)/open", mode: 0o644)
        let first = try daemon.pod("web", "runs") { $0.container.isRunning }
        try Files.unlink("\(gate)/open")
        _ = try daemon.pod("db", "isn't ready any more") { !$0.isReady }
        #expect(try daemon.pod("web")?.container.pid == first.container.pid, "what runs is left alone")
        try Files.writeAtomically([UInt8](), to: "\(gate)/end", mode: 0o644)
        _ = try daemon.pod("web", "has ended and waits") {
          $0.reason == "DependenciesNotReady" && $0.message.contains("pod default/db to be ready")
        }
        daemon.crash()
        try daemon.start()
        _ = try daemon.pod("web", "still waits") { !$0.container.isRunning && $0.message.contains("pod default/db to be ready") }
        try Files.writeAtomically([UInt8](), to: "\(gate)/open", mode: 0o644)
        let again = try daemon.pod("web", "runs again") { $0.container.isRunning }
        #expect(again.uid == first.uid && again.container.restarts == 1)
        try Files.unlink("\(gate)/open")
        // As after a reboot: nothing that was running counts any more.
        daemon.crash()
        try Files.writeAtomically(Array("another boot".utf8), to: "\(daemon.state)/boot_id")
        try daemon.start()
        let after = try daemon.pod("web", "waits for its dependency anew") { $0.reason == "DependenciesNotReady" }
        #expect(after.uid != first.uid && !after.container.isRunning)
        try Files.writeAtomically([UInt8](), to: "\(gate)/open", mode: 0o644)
        _ = try daemon.pod("web", "runs after all") { $0.container.isRunning }
      }
    }

    @Test("why a program didn't run, or didn't go on, is told apart")
    func reasons() throws {
      try withDaemon { daemon in
        let image = try ManifestText.imageReference()
        func job(_ command: String) -> String {
          "network = \"none\"\nrestart_policy = \"never\"\n[[container]]\nimage = \"\(image)\"\ncommand = \(command)\n"
        }
        let scripts =
          "\n[[volume]]\nname = \"s\"\n"
          + "config = { mode = 0o755, files = { nonsense = \"\\u0001\\u0002\\u0003\", lost = \"#!/no/such/sh\\n\" } }\n"
        func script(_ name: String) -> String { job("[\"/s/\(name)\"]") + "mounts = [\"s:/s\"]\n" + scripts }
        let cases: [(name: String, manifest: String, reason: String, exit: Int64?, words: String)] = [
          ("missing", job("[\"/no/such\"]"), "RunContainerError", 127, "No such file"),
          ("denied", job("[\"/etc/passwd\"]"), "RunContainerError", 126, "Permission denied"),
          ("format", script("nonsense"), "RunContainerError", 126, "Exec format error"),
          ("interpreter", script("lost"), "RunContainerError", 126, "its interpreter is missing"),
          ("absent", job("[\"sh\", \"-c\", \"no-such-command\"]"), "Error", 127, "shared library wasn't found"),
          ("forbidden", job("[\"mkdir\", \"/x\"]") + "security = { seccomp = \"deadly.json\" }\n", "Error", 159, "seccomp profile forbids"),
          ("secret", job("[\"true\"]") + "user = \"nobody-here\"\n", "CreateContainerConfigError", nil, "nobody-here"),
        ]
        let profile = """
          { "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS" }] }
          """
        try daemon.directory.write(profile, to: "manifests/deadly.json")
        for item in cases { try daemon.drop(item.name, item.manifest) }
        for item in cases {
          let pod = try daemon.pod(item.name, "has failed") { $0.phase == "Failed" }
          #expect(pod.container.reason == item.reason && pod.container.exitCode == item.exit, "\(item.name): \(pod.container.json)")
          #expect(pod.container.message.contains(item.words), "\(item.name): \(pod.container.message)")
        }
        let events = try daemon.berth("events", "-o", "json").stdout.split(separator: "\n").map { try JSON(parsing: String($0)) }
        for item in cases {
          let told = events.filter { $0["pod"]?.string == item.name }.compactMap { $0["reason"]?.string }
          let isStarted = item.reason == "Error"
          #expect(told.contains("Started") == isStarted && told.contains("Failed") == !isStarted, "\(item.name): \(told)")
        }
      }
    }
  }
}
