import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("the life of a pod")
  struct Lifecycle {
    @Test("a dropped manifest runs")
    func drop() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of(container: "env = { GREETING = \"hello\" }"))
        #expect(pod.isReady)
        #expect(pod.container.name == "web")
        #expect(pod.container.restarts == 0)
        let environment = try Files.readText("/proc/\(pod.container.pid ?? 0)/environ")
        #expect(environment.split(separator: "\0").contains("GREETING=hello"))
      }
    }

    @Test("an edit replaces the container")
    func edit() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of(container: "env = { V = \"1\" }"))
        try daemon.drop("web", ManifestText.of(container: "env = { V = \"2\" }"))
        let second = try daemon.pod("web", "is replaced") { $0.container.isRunning && $0.container.pid != first.container.pid }
        #expect(second.specHash != first.specHash)
        let environment = try Files.readText("/proc/\(second.container.pid ?? 0)/environ")
        #expect(environment.split(separator: "\0").contains("V=2"))
        try eventually("the first process is gone") { !isAlive(first.container.pid) }
      }
    }

    @Test("an edit of comments, order and spelling changes nothing")
    func cosmeticEdit() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of(pod: "labels = { a = \"1\", b = \"2\" }"))
        try daemon.drop("web", ManifestText.of(pod: "# why not\nlabels = { b = '2', a = \"\\u0031\" }"))
        try daemon.sync()
        let second = try daemon.pod("web")
        #expect(second?.container.pid == first.container.pid)
        #expect(second?.specHash == first.specHash)
      }
    }

    @Test("labels and annotations are in status, labels in events and the socket's metrics too; an edit of them touches no process")
    func labels() throws {
      try withDaemon(config: "[manifests]\nremoval_delay = \"50ms\"\n[metrics]\naddress = \"127.0.0.1:9467\"\n") { daemon in
        let text = "labels = { app = \"shop\", \"team/name\" = \"a\" }\nannotations = { note = \"why\" }"
        let first = try daemon.run("web", ManifestText.of(pod: text))
        #expect(first.json["labels"] == ["app": "shop", "team/name": "a"] && first.json["annotations"] == ["note": "why"])
        func event(_ reason: String) throws -> JSON? {
          let lines = try daemon.berth("events", "-o", "json").stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
          return lines.first { $0["reason"]?.string == reason }
        }
        #expect(try event("Started")?["labels"] == ["app": "shop", "team/name": "a"])
        let figures = try Command.run("curl", ["-s", "-m", "20", "--unix-socket", daemon.socket, "http://berth/metrics"]).stdout
        #expect(
          figures.contains("berth_pod_labels{namespace=\"default\",pod=\"web\",label_app=\"shop\",label_team_name=\"a\"} 1\n"), "\(figures)"
        )
        let open = try Command.run("curl", ["-s", "-m", "20", "http://127.0.0.1:9467/metrics"]).stdout
        #expect(open.contains("berth_pods{") && !open.contains("shop"), "TCP has no access control: labels are the pod's own words")
        let edit = text.replacing("shop", with: "store").replacing("note = \"why\"", with: "note = \"why\", who = \"me\"")
        let file = try daemon.directory.write(ManifestText.of(pod: edit), to: "edit/web.toml")
        let diff = try daemon.berth("diff", file).stdout
        #expect(
          diff.contains("labels.app: shop → store (in place)\n") && diff.contains("annotations.who: (none) → me (in place)\n"), "\(diff)")
        try daemon.drop("web", ManifestText.of(pod: edit))
        let second = try daemon.pod("web", "has the new label") { $0.json["labels"]?["app"]?.string == "store" }
        #expect(second.container.pid == first.container.pid && second.uid == first.uid)
        try daemon.remove("web")
        try eventually("it is gone") { try daemon.pod("web") == nil }
        #expect(try event("Killing")?["labels"]?["app"]?.string == "store")
      }
    }

    @Test("an edit of limits acts in place: the process is the same")
    func limitsInPlace() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of(tables: "[container.resources]\ncpu = 0.5"))
        let group = try ControlGroup(of: first.container.pid ?? 0)
        #expect(try group.cpuLimit() == "50000 100000")
        try daemon.drop("web", ManifestText.of(tables: "[container.resources]\ncpu = 0.25"))
        try eventually("the limit is changed") { try group.cpuLimit() == "25000 100000" }
        try daemon.sync()
        #expect(try daemon.pod("web")?.container.pid == first.container.pid)
        #expect(try daemon.pod("web")?.container.restarts == 0)
      }
    }

    @Test("a typo leaves the pod running and the status says file, line and column")
    func typo() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of())
        let good = try ManifestText.of()
        try daemon.drop("web", good.replacingFirst("command", with: "comand"))
        let pod = try daemon.pod("web", "is found wrong") { $0.condition("ManifestValid") == "False" }
        #expect(pod.container.pid == first.container.pid)
        #expect(pod.phase == "Running")
        let line = good.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.hasPrefix("command") }.map { $0 + 1 }
        #expect(pod.complaints.contains("web.toml:\(line ?? 0):1"))
        #expect(pod.complaints.contains("did you mean"))
        let sync = try daemon.berth("sync", "--wait")
        #expect(sync.exit == 1 && sync.stderr.contains("web.toml:\(line ?? 0):1: error: unknown key 'comand'"), "\(sync)")
        try daemon.drop("web", good)
        try daemon.pod("web", "is well again") { $0.condition("ManifestValid") == "True" }
        #expect(try daemon.pod("web")?.container.pid == first.container.pid)
      }
    }

    @Test("a removed manifest takes its pod away, and nothing of it stays")
    func remove() throws {
      try withDaemon { daemon in
        let manifest = try ManifestText.of(container: "mounts = [\"data:/data\"]", tables: "[[volume]]\nname = \"data\"\nempty_dir = {}")
        func cycle() throws {
          try daemon.run("web", manifest)
          try daemon.remove("web")
          try daemon.wait("web", for: "deleted")
          try daemon.sync()
        }
        // What the node itself keeps (image, snapshot of its layers, database) is there after the first round.
        try cycle()
        let before = try LeakCensus.take(directories: [daemon.root, daemon.state], descriptorsOf: daemon.pid)
        try cycle()
        let leaks = try LeakCensus.leaks(since: before, directories: [daemon.root, daemon.state], descriptorsOf: daemon.pid)
        #expect(leaks.isEmpty, "left behind: \(leaks)")
        #expect(try daemon.pod("web") == nil)
      }
    }

    @Test("a file that is deleted and made again at once is an edit, not a removal")
    func deleteAndRecreate() throws {
      try withDaemon(config: "[manifests]\nremoval_delay = \"2s\"\n") { daemon in
        let first = try daemon.run("web", ManifestText.of())
        try daemon.remove("web")
        try daemon.drop("web", ManifestText.of())
        try daemon.sync()
        #expect(try daemon.pod("web")?.container.pid == first.container.pid)
      }
    }

    @Test("a suspended pod keeps its manifest and runs nothing")
    func suspend() throws {
      try withDaemon { daemon in
        let first = try daemon.run("web", ManifestText.of())
        try daemon.drop("web", ManifestText.of(pod: "suspend = true"))
        try eventually("the process is gone") { !isAlive(first.container.pid) }
        try daemon.sync()
        let pod = try daemon.pod("web", "is known as suspended") { $0.reason == "Suspended" }
        #expect(pod.containers.filter(\.isRunning).isEmpty)
        try daemon.run("web", ManifestText.of())
      }
    }

    @Test("after convergence the plan is empty")
    func nothingToDo() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        _ = try daemon.run(job: "once", "true")
        try daemon.sync()
        let diff = try daemon.berth("diff")
        #expect(diff.exit == 0, "\(diff)")
      }
    }

    @Test("a grace period is given, then the process is killed")
    func grace() throws {
      try withDaemon { daemon in
        let stubborn = try ManifestText.of("trap 'echo told' TERM; while true; do sleep 100000 & wait; done", pod: "")
        let pod = try daemon.run("web", stubborn.replacingFirst("\"3s\"", with: "\"200ms\""))
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        #expect(!isAlive(pod.container.pid))
      }
    }
  }
}

extension String {
  /// This text with the first occurrence of `old` replaced; the text itself where there is none.
  func replacingFirst(_ old: String, with new: String) -> String {
    guard let range = firstRange(of: old) else { return self }
    return String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
  }
}
