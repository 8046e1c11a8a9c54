import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("probes, hooks and sidecars")
  struct Probes {
    /// Serves the node's folder `www` on port 8080 of the pod until `www/stop` is there; then the shell stays on without the server.
    private static let serve = """
      httpd -f -p 8080 -h /www & server=$!
      trap 'echo told to end; exit 0' TERM
      while [ ! -e /www/stop ]; do sleep 0.1; done
      kill $server; while true; do sleep 0.1; done
      """

    private func www(_ daemon: DaemonUnderTest) throws -> String {
      let path = "\(daemon.directory.path)/www"
      try Files.makeDirectories(path, mode: 0o755)
      return path
    }

    private func serving(_ daemon: DaemonUnderTest, pod: String = "", container: String, tables: String = "") throws -> String {
      try ManifestText.of(
        Self.serve, pod: pod, container: "mounts = [\"www:/www\"]\n\(container)",
        tables: "\(tables)\n[[volume]]\nname = \"www\"\nhost_path = \"\(try www(daemon))\"")
    }

    @Test("http_get decides readiness in the pod's own network, and a restart of the daemon changes nothing")
    func readiness() throws {
      try withDaemon { daemon in
        let probe = "readiness_probe = { http_get = { path = \"/ready\", port = 8080 }, period = \"200ms\", failure_threshold = 1 }"
        try daemon.drop("web", serving(daemon, container: probe))
        let before = try daemon.pod("web", "runs and answers 404") { $0.container.message == "readiness probe failed: HTTP status 404" }
        #expect(before.phase == "Running" && !before.isReady)
        #expect(before.condition("ContainersReady") == "False" && before.condition("Ready") == "False")
        try Files.writeAtomically(Array("yes".utf8), to: "\(try www(daemon))/ready", mode: 0o644)
        let ready = try daemon.pod("web", "is ready") { $0.isReady }
        #expect(ready.condition("Ready") == "True" && ready.container.restarts == 0)
        try daemon.stop()
        try daemon.start()
        #expect(try daemon.pod("web", "is there") { $0.container.isRunning }.isReady)
        try Files.unlink("\(try www(daemon))/ready")
        let unready = try daemon.pod("web", "is unready again") { !$0.isReady }
        #expect(unready.container.id == ready.container.id)
      }
    }

    @Test("http_get over https takes any certificate; a plain server is told", .enabled(if: Command.exists("openssl"), "needs openssl"))
    func https() throws {
      try withDaemon { daemon in
        let server = try TLSServer(port: 18443)
        defer { server.stop() }
        let probe = "readiness_probe = { http_get = { port = 18443, scheme = \"https\" }, period = \"200ms\" }"
        try daemon.drop("web", ManifestText.of(container: probe).replacing("network = \"none\"", with: "network = \"host\""))
        #expect(try daemon.pod("web", "is ready") { $0.isReady }.container.restarts == 0)
        let plain = "readiness_probe = { http_get = { port = 8080, scheme = \"https\" }, period = \"200ms\" }"
        try daemon.drop("plain", serving(daemon, container: plain))
        try eventually("the plain server is told") {
          try daemon.berth("events").stdout.contains("readiness probe failed: tls: wrong version number")
        }
        let told = try daemon.pod("plain")
        #expect(told?.container.message == "readiness probe failed: tls: wrong version number")
      }
    }

    @Test("a failed liveness probe stops the container with its grace and restarts it, told why, whatever its exit code")
    func liveness() throws {
      try withDaemon { daemon in
        let probe =
          "liveness_probe = { tcp_socket = { port = 8080 }, initial_delay = \"500ms\", period = \"200ms\", failure_threshold = 2 }"
        try daemon.drop("web", serving(daemon, pod: "restart_policy = \"on-failure\"", container: probe))
        let first = try daemon.pod("web", "is ready") { $0.isReady }
        try Files.writeAtomically([], to: "\(try www(daemon))/stop")
        _ = try daemon.pod("web", "is being restarted") { $0.container.restarts > 0 || $0.container.id != first.container.id }
        let events = try daemon.berth("events").stdout
        #expect(events.contains("liveness probe failed: connect to port 8080: Connection refused"))
        try Files.unlink("\(try www(daemon))/stop")
        _ = try daemon.pod("web", "has recovered") { $0.isReady && $0.container.restarts > 0 }
        #expect(try daemon.logs("web", "--previous").contains("told to end") || first.container.restarts == 0)
      }
    }

    @Test("exec runs in the container: a program that fails, hangs or isn't there makes it unready")
    func exec() throws {
      try withDaemon { daemon in
        let script = "if [ -e /www/hang ]; then sleep 1000; fi; test -e /www/ready || { echo no page; exit 3; }"
        let probe = "readiness_probe = { exec = { command = [\"sh\", \"-c\", '\(script)'] }, period = \"200ms\", failure_threshold = 1 }"
        try daemon.drop("web", serving(daemon, container: probe))
        _ = try daemon.pod("web", "is told what is wrong") { $0.container.message == "readiness probe failed: exit code 3: no page" }
        try Files.writeAtomically([], to: "\(try www(daemon))/ready")
        _ = try daemon.pod("web", "is ready") { $0.isReady }
        try Files.writeAtomically([], to: "\(try www(daemon))/hang")
        _ = try daemon.pod("web", "is unready again") { $0.container.message == "readiness probe failed: the command did not end in time" }
        let missing = "readiness_probe = { exec = { command = [\"/no/such\"] }, period = \"200ms\", failure_threshold = 1 }"
        try daemon.drop("web", serving(daemon, container: missing))
        _ = try daemon.pod("web", "has no such program") { $0.container.message.contains("/no/such") }
      }
    }

    @Test("a startup probe holds the others back, and a changed probe of a running container restarts nothing")
    func startup() throws {
      try withDaemon { daemon in
        let startup = "startup_probe = { http_get = { path = \"/up\", port = 8080 }, period = \"100ms\", failure_threshold = 1000 }\n"
        let liveness = "liveness_probe = { tcp_socket = { port = 1 }, period = \"100ms\", failure_threshold = 1 }"
        try daemon.drop("web", serving(daemon, container: startup + liveness))
        let held = try daemon.pod("web", "answers 404") { $0.container.message == "startup probe failed: HTTP status 404" }
        // Without the startup probe the liveness probe would have failed at once.
        #expect(!held.isReady && held.container.restarts == 0)
        try daemon.drop("web", serving(daemon, container: startup))
        try daemon.sync()
        try Files.writeAtomically([], to: "\(try www(daemon))/up", mode: 0o644)
        let up = try daemon.pod("web", "is ready") { $0.isReady }
        #expect(up.container.id == held.container.id)
      }
    }

    @Test("pre_stop comes before the stop signal and takes its time from the grace period; post_start before readiness")
    func hooks() throws {
      try withDaemon { daemon in
        let hooks = """
          post_start = { sleep = "300ms" }
          pre_stop = { http_get = { path = "/last", port = 8080 } }
          """
        try daemon.drop("web", serving(daemon, container: hooks))
        _ = try daemon.pod("web", "is ready") { $0.isReady }
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        // There is no such page: a hook that fails is told and keeps nothing.
        #expect(try daemon.berth("events").stdout.contains("pre_stop failed: HTTP status 404"))
        // So does one that would go on for longer than the grace period of three seconds.
        try daemon.run("slow", ManifestText.of(container: "pre_stop = { sleep = \"1h\" }"))
        try daemon.remove("slow")
        try daemon.wait("slow", for: "deleted")
        try daemon.drop("failing", ManifestText.job("sleep 1000", container: "post_start = { http_get = { port = 1 } }"))
        let failed = try daemon.pod("failing", "has failed") { $0.phase == "Failed" }
        #expect(failed.container.restarts == 0)
      }
    }

    @Test("a sidecar is ready before what follows starts, is restarted, and goes last when the job has finished")
    func sidecar() throws {
      try withDaemon { daemon in
        let image = try ManifestText.imageReference()
        let www = try www(daemon)
        try daemon.drop(
          "job",
          """
          network = "none"
          restart_policy = "never"
          termination_grace_period = "5s"
          [[init_container]]
          name = "proxy"
          image = "\(image)"
          restart_policy = "always"
          command = ["sh", "-c", '''httpd -p 8080 -h /www; trap 'echo proxy > /www/last; exit 0' TERM; sleep 100000 & wait''']
          mounts = ["www:/www"]
          startup_probe = { tcp_socket = { port = 8080 }, period = "100ms", failure_threshold = 100 }
          [[container]]
          name = "work"
          image = "\(image)"
          command = ["sh", "-c", "wget -q -O /dev/null http://127.0.0.1:8080/page && echo work > /www/last && echo fetched"]
          mounts = ["www:/www"]
          [[volume]]
          name = "www"
          host_path = "\(www)"
          """)
        try Files.writeAtomically(Array("page".utf8), to: "\(www)/page", mode: 0o644)
        let done = try daemon.pod("job", "has finished, its sidecar too") {
          $0.phase == "Succeeded" && $0.initContainers.first?.state == "terminated"
        }
        #expect(done.container("work")?.exitCode == 0)
        #expect(try Files.readText("\(www)/last") == "proxy\n")
      }
    }
  }
}
