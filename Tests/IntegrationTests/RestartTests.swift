import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("ends and restarts")
  struct Restarts {
    @Test("a job that ends well is Succeeded and Completed, one that doesn't Failed with its code")
    func jobs() throws {
      try withDaemon { daemon in
        _ = try daemon.run(job: "good", "exit 0")
        _ = try daemon.run(job: "bad", "exit 42")
        let good = try daemon.pod("good")
        #expect(good?.phase == "Succeeded")
        #expect(good?.container.reason == "Completed")
        #expect(good?.container.exitCode == 0)
        let bad = try daemon.pod("bad")
        #expect(bad?.phase == "Failed")
        #expect(bad?.container.reason == "Error")
        #expect(bad?.container.exitCode == 42)
        #expect(bad?.container.restarts == 0)
      }
    }

    @Test("a signal that ends a container is told")
    func signal() throws {
      try withDaemon { daemon in
        try daemon.drop("shot", ManifestText.job("sleep 100000"))
        let running = try daemon.pod("shot", "runs") { $0.container.isRunning }
        #expect(try Command.run("sh", ["-c", "kill -9 \(running.container.pid ?? 0)"]).exit == 0)
        let pod = try daemon.pod("shot", "ends") { $0.phase == "Failed" }
        #expect(pod.container.signal == 9)
        #expect(pod.container.exitCode == 137)
      }
    }

    @Test("always restarts after any end, at first at once, then with a pause called CrashLoopBackOff")
    func always() throws {
      try withDaemon { daemon in
        try daemon.drop("loop", ManifestText.of("exit 0", pod: "restart_backoff = { initial = \"60s\", max = \"60s\" }"))
        let pod = try daemon.pod("loop", "waits before its next start") { $0.container.reason == "CrashLoopBackOff" }
        #expect(pod.container.restarts >= 1)
        #expect(pod.container.state == "waiting")
        #expect(pod.json["next_retry_at"]?.string != nil)
      }
    }

    @Test("on-failure restarts until it ends well")
    func onFailure() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "retry",
          ManifestText.of(
            "echo x >> /data/tries; test $(wc -l < /data/tries) -ge 3",
            pod: "restart_policy = \"on-failure\"\nrestart_backoff = { initial = \"100ms\", max = \"100ms\" }",
            container: "mounts = [\"data:/data\"]",
            tables: "[[volume]]\nname = \"data\"\nempty_dir = {}"))
        let pod = try daemon.pod("retry", "ends well") { $0.phase == "Succeeded" }
        #expect(pod.container.restarts == 2)
        #expect(pod.container.exitCode == 0)
      }
    }

    @Test("a finished job is not run again when its manifest is touched or the daemon restarts")
    func finishedStaysFinished() throws {
      try withDaemon { daemon in
        let manifest = try ManifestText.job("echo ran")
        try daemon.drop("once", manifest)
        let first = try daemon.pod("once", "ends") { $0.phase == "Succeeded" }
        try daemon.drop("once", manifest)
        try daemon.sync()
        try daemon.stop()
        try daemon.start()
        try daemon.sync()
        let second = try daemon.pod("once")
        #expect(second?.phase == "Succeeded")
        #expect(second?.container.id == first.container.id)
        #expect(try daemon.logs("once") == "ran\n")
      }
    }

    @Test("init containers run in their order, each to its end, before the containers")
    func initContainers() throws {
      try withDaemon { daemon in
        let image = try ManifestText.imageReference()
        func container(_ kind: String, _ name: String) -> String {
          """
          [[\(kind)]]
          name = "\(name)"
          image = "\(image)"
          command = ["sh", "-c", "echo \(name) >> /data/order; cat /data/order"]
          mounts = ["data:/data"]

          """
        }
        try daemon.drop(
          "steps",
          "network = \"none\"\nrestart_policy = \"never\"\n" + container("container", "main") + container("init_container", "first")
            + container("init_container", "second") + "[[volume]]\nname = \"data\"\nempty_dir = {}\n")
        let pod = try daemon.pod("steps", "ends") { $0.phase == "Succeeded" }
        #expect(try daemon.logs("steps/main") == "first\nsecond\nmain\n")
        #expect(pod.initContainers.map(\.name) == ["first", "second"])
        #expect(pod.initContainers.allSatisfy { $0.exitCode == 0 })
      }
    }

    @Test("a failed init container holds the containers back")
    func failedInit() throws {
      try withDaemon { daemon in
        let image = try ManifestText.imageReference()
        try daemon.drop(
          "held",
          """
          network = "none"
          restart_policy = "never"
          [[init_container]]
          name = "refuses"
          image = "\(image)"
          command = ["sh", "-c", "exit 3"]
          [[container]]
          name = "main"
          image = "\(image)"
          command = ["echo", "never"]
          """)
        let pod = try daemon.pod("held", "fails") { $0.phase == "Failed" }
        #expect(pod.initContainers.first?.exitCode == 3)
        #expect(pod.container.pid == nil)
      }
    }
  }
}
