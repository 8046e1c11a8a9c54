import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("docs/ctr.md")
  struct CtrWords {
    private static let file = "\(Files.parent(of: Files.parent(of: Files.parent(of: #filePath))))/docs/ctr.md"

    private struct Row {
      var ctr: [String]
      var berth: [String]
    }

    private func rows() throws -> [Row] {
      try Files.readText(Self.file).split(separator: "\n").filter { $0.hasPrefix("| `ctr ") }.map { line in
        let sides = line.split(separator: "`").filter { $0.hasPrefix("ctr ") || $0.hasPrefix("berth ") }
        try #require(sides.count == 2, "\(line)")
        let words = sides.map { $0.split(separator: " ").dropFirst().map(String.init) }
        return Row(ctr: words[0], berth: words[1])
      }
    }

    @Test("every row's berth command works, one after the other", .enabled(if: SignedRegistry.isPossible, SignedRegistry.needs))
    func run() throws {
      let rows = try rows(), registry = try SignedRegistry()
      #expect(rows.count > 30)
      try withDaemon { daemon in
        let directory = "\(daemon.directory.path)/mounted"
        try Files.makeDirectory(directory, mode: 0o755)
        let values = [
          "NS": "other", "REF": try ManifestText.imageReference(), "NEW": "localhost/new:1", "FILE": "\(daemon.directory.path)/a.tar",
          "DIR": directory, "NAME": "hand", "REMOTE": "\(registry.host)/pushed:1",
        ]
        for row in rows {
          let words = try row.berth.map { word in try word == "DIGEST" ? digest(daemon) : values[word] ?? word }
          let result = try perform(words, daemon)
          #expect(result.exit == 0, "\(result)\n\(daemon.log.suffix(2000))")
          try expect(row.berth, result)
        }
        #expect(try daemon.berth("container", "ls", "-q").stdout == "")
        let pushed = try Command.run("skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://\(registry.host)/pushed:1"])
        #expect(pushed.stdout.contains("layers"), "\(pushed)")
      }
    }

    private func digest(_ daemon: DaemonUnderTest) throws -> String {
      try #require(try daemon.berth("content", "ls", "-o", "json").json().array?.first?["digest"]?.string)
    }

    /// With a terminal where the row asks for one; what goes on until it is told to end is told.
    private func perform(_ words: [String], _ daemon: DaemonUnderTest) throws -> CommandResult {
      if words.contains("-t") {
        let line = ([Binaries.berth, "--address", daemon.socket] + words).joined(separator: " ")
        return try Command.run("script", ["-qec", line, "/dev/null"])
      }
      if words.contains("attach") {
        var result = try Command.run("timeout", ["-s", "INT", "2", Binaries.berth, "--address", daemon.socket] + words)
        // 124: timeout(1) had to end it, which is what is meant to happen.
        if result.exit == 124 { result.exit = 0 }
        return result
      }
      return try daemon.berth(words)
    }

    private func expect(_ words: [String], _ result: CommandResult) throws {
      switch (words.first ?? "", words.dropFirst().first ?? "") {
      case ("tasks", "exec") where words.contains("hello"): #expect(result.stdout == "hello\n")
      case ("tasks", "exec") where words.contains("pwd"): #expect(result.stdout == "/tmp\n")
      case ("tasks", "exec"): #expect(result.stdout.contains("/dev/pts/"), "\(result)")
      case ("tasks", "metrics"): #expect(result.stdout.contains("memory_bytes"))
      case ("tasks", "ls"), ("containers", "ls"): #expect(result.stdout.contains("hand"))
      case ("images", "ls"): #expect(result.stdout.contains("example-image") || result.stdout.contains("oci-archive"))
      default: break
      }
    }

    @Test("every row's ctr command is one that ctr has", .enabled(if: Command.exists("ctr"), "ctr is not installed"))
    func exist() throws {
      for row in try rows() where row.ctr.count > 1 && row.ctr.first != "run" {
        let help = try Command.run("ctr", [row.ctr[0], "--help"]).stdout
        let verbs = help.split(separator: "\n").flatMap { line in
          line.split(separator: "  ").first.map { $0.split(separator: ",").map { $0.split(separator: " ").joined() } } ?? []
        }
        #expect(verbs.contains(row.ctr[1]), "ctr \(row.ctr.joined(separator: " "))")
      }
    }
  }
}
