import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("logs")
  struct Logs {
    /// The log files of a pod's only container, oldest name first.
    private func files(_ daemon: DaemonUnderTest, _ pod: PodView, container: String) throws -> [String] {
      let directory = "\(daemon.root)/logs/default_\(pod.json["name"]?.string ?? "")_\(pod.uid)/\(container)"
      return try Files.list(directory).map { "\(directory)/\($0)" }
    }

    @Test("every line is in CRI format: time, stream, whole or part, text")
    func format() throws {
      try withDaemon { daemon in
        try daemon.drop("talk", ManifestText.job("echo out; echo err >&2; printf partial"))
        let pod = try daemon.pod("talk", "ends") { $0.phase == "Succeeded" }
        let text = try files(daemon, pod, container: "talk").map { try Files.readText($0) }.joined()
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 3).map(String.init) }
        #expect(lines.allSatisfy { $0.count == 4 && $0[0].contains("T") && $0[0].count >= 20 }, "\(text)")
        #expect(lines.contains { $0.dropFirst() == ["stdout", "F", "out"] }, "\(text)")
        #expect(lines.contains { $0.dropFirst() == ["stderr", "F", "err"] }, "\(text)")
        #expect(lines.contains { $0.count == 4 && $0[1] == "stdout" && $0[3] == "partial" }, "\(text)")
      }
    }

    @Test("a log is rotated at its size and keeps as many files as it may; what is kept is the end, whole")
    func rotation() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "chatty",
          ManifestText.job(
            "seq 1 20000 | awk '{ printf \"%05d a line that is fifty characters long, or nearly so\\n\", $1 }'",
            container: "log = { max_size = \"64KiB\", max_files = 3 }"))
        let pod = try daemon.pod("chatty", "ends") { $0.phase == "Succeeded" }
        let files = try files(daemon, pod, container: "chatty")
        #expect((2...3).contains(files.count), "\(files)")
        for file in files { #expect(try Files.status(file).size <= 65 << 10, "\(file)") }
        let kept = try daemon.logs("chatty").split(separator: "\n").compactMap { Int($0.prefix(5)) }
        #expect(kept.last == 20000)
        #expect(kept == Array((kept.first ?? 0)...20000), "without a gap")
      }
    }

    @Test("berth logs shows the last lines, the container asked for, and the run before the last restart")
    func selection() throws {
      try withDaemon { daemon in
        _ = try daemon.run(job: "lines", "seq 1 10")
        #expect(try daemon.logs("lines", "--tail", "2") == "9\n10\n")
        try daemon.drop(
          "again",
          ManifestText.of(
            "echo run >> /data/runs; wc -l < /data/runs; test $(wc -l < /data/runs) -ge 2",
            pod: "restart_policy = \"on-failure\"\nrestart_backoff = { initial = \"100ms\", max = \"100ms\" }",
            container: "mounts = [\"data:/data\"]",
            tables: "[[volume]]\nname = \"data\"\nempty_dir = {}"))
        try daemon.pod("again", "ends") { $0.phase == "Succeeded" }
        #expect(try daemon.logs("again") == "2\n")
        #expect(try daemon.logs("again", "--previous") == "1\n")
      }
    }

    @Test("a very long line comes out whole")
    func longLine() throws {
      try withDaemon { daemon in
        let said = try daemon.run(job: "long", "head -c 300000 /dev/zero | tr '\\0' x; echo")
        #expect(said.count == 300_001)
      }
    }
  }
}
