import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("metrics and readiness")
  struct Metrics {
    @Test("over TCP there are figures and health, and nothing that changes or tells more")
    func overTCP() throws {
      let config = "[manifests]\nremoval_delay = \"50ms\"\n[metrics]\naddress = \"127.0.0.1:9464\"\n"
      try withDaemon(config: config) { daemon in
        try daemon.run("web", ManifestText.of())
        func ask(_ path: String) throws -> String {
          try Command.run("curl", ["-s", "-m", "20", "-w", "%{http_code}", "http://127.0.0.1:9464\(path)"]).stdout
        }
        let text = try ask("/metrics")
        #expect(text.hasSuffix("200") && text.contains("berth_pods{phase=\"Running\"} 1\n"))
        #expect(text.contains("berth_container_memory_bytes{namespace=\"default\",pod=\"web\",container=\"web\"}"))
        #expect(text.contains("berth_container_start_seconds_count 1\n"))
        #expect(try ask("/healthz") == "ok\n200" && ask("/readyz") == "ok\n200")
        #expect(try ask("/v1/pods").hasSuffix("404"))
      }
    }

    @Test("an address that others reach is refused, with its place in the file")
    func refused() throws {
      for address in ["0.0.0.0:9464", "10.0.0.1:9464", "localhost", "127.0.0.1"] {
        let directory = try TemporaryDirectory("config")
        let file = try directory.write("[metrics]\naddress = \"\(address)\"\n", to: "config.toml")
        let result = try Command.run(Binaries.berthd, ["config", "validate", file])
        #expect(
          result.exit != 0 && (result.stdout + result.stderr).contains("config.toml:2:11: error: 'address' must be a loopback"), "\(result)"
        )
      }
    }

    @Test("promtool finds nothing wrong with them", .enabled(if: Command.exists("promtool"), "promtool is not installed"))
    func promtool() throws {
      try withDaemon { daemon in
        let probe = "[container.readiness_probe]\nexec = { command = [\"true\"] }\nperiod = \"1s\""
        try daemon.run("web", ManifestText.of(tables: probe))
        try daemon.pod("web", "is ready") { $0.isReady }
        let text = try Command.run("curl", ["-s", "-m", "20", "--unix-socket", daemon.socket, "http://berth/metrics"]).stdout
        #expect(!text.contains("berth_probe_seconds_count 0\n") && text.contains("berth_probe_seconds_count"))
        let result = try Command.run("promtool", ["check", "metrics"], input: text)
        #expect(result.exit == 0, "\(result)")
      }
    }

    @Test(
      "the service manager is told READY once the pods are where their manifests want them, not before",
      .enabled(if: Command.exists("socat"), "socat is not installed"))
    func ready() throws {
      let folder = try TemporaryDirectory("notify")
      let told = "\(folder.path)/told"
      let listener = try Spawn.start(
        Command.locate("socat"), arguments: ["socat", "-u", "UNIX-RECV:\(folder.path)/socket", "OPEN:\(told),creat,append"],
        environment: Command.environment)
      defer {
        _ = try? Command.run("sh", ["-c", "kill -9 \(listener)"])
        Children.wait(for: listener, deadline: .seconds(20))
      }
      try eventually("somebody listens") { Files.exists("\(folder.path)/socket") }
      // Its one plugin waits for a file.
      try folder.write(#"{"cniVersion":"1.0.0","name":"slow","plugins":[{"type":"wait"}]}"#, to: "net.d/slow.conflist")
      try folder.write(
        "#!/bin/sh\nwhile [ $CNI_COMMAND = ADD ] && ! [ -e \(folder.path)/gate ]; do sleep 0.05; done\necho '{\"cniVersion\":\"1.0.0\"}'\n",
        to: "bin/wait", mode: 0o755)
      let before = try LeakCensus.take()
      let daemon = try DaemonUnderTest(
        config: "[network]\nconfig_dir = \"\(folder.path)/net.d\"\nplugin_dirs = [\"\(folder.path)/bin\"]\n", start: false)
      daemon.environment = ["NOTIFY_SOCKET=\(folder.path)/socket"]
      try daemon.drop("web", ManifestText.of().replacingFirst("\"none\"", with: "\"slow\""))
      try daemon.start()
      try eventually("it is at work") { daemon.log.contains("ready:") }
      #expect(try daemon.pod("web")?.phase == "Pending")
      #expect((try? Files.readText(told))?.contains("READY=1") != true, "its pod doesn't run yet")
      try folder.write("", to: "gate")
      try eventually("READY") { (try? Files.readText(told))?.contains("READY=1") == true }
      #expect(try daemon.pod("web")?.phase == "Running")
      try daemon.tearDown()
      #expect(try LeakCensus.leaks(since: before).isEmpty)
    }
  }
}
