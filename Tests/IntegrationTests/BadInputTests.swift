import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  /// Whatever is dropped: a clear error in the status, nothing else disturbed, the daemon alive.
  @Suite("bad input")
  struct BadInput {
    /// Runs a bystander next to the bad thing and holds that neither it nor the daemon was touched.
    private func beside(_ body: (DaemonUnderTest) throws -> Void) throws {
      try withDaemon { daemon in
        let bystander = try daemon.run("bystander", ManifestText.of())
        let pid = daemon.pid
        try body(daemon)
        #expect(try daemon.pod("bystander")?.container.pid == bystander.container.pid)
        #expect(isAlive(pid.map(Int64.init)), "the daemon is alive")
      }
    }

    @Test(
      "a manifest that is wrong is named with line and column, and runs nothing",
      arguments: [
        ("not TOML", "network = = \"none\"\n", "bad.toml:1:", ""),
        ("unknown key", "network = \"none\"\nrestart_polcy = \"never\"\n[[container]]\nimage = \"x\"\n", "bad.toml:2:1", "restart_policy"),
        ("wrong type", "network = \"none\"\n[[container]]\nimage = 5\n", "bad.toml:3:", "string"),
        ("no container", "network = \"none\"\n", "bad.toml:", "container"),
        ("undeclared volume", "network = \"none\"\n[[container]]\nimage = \"x\"\nmounts = [\"data:/data\"]\n", "bad.toml:4:", "data"),
        ("pod key in a container", "[[container]]\nimage = \"x\"\nnetwork = \"none\"\n", "bad.toml:3:1", "first table"),
        ("unfinished string", "network = \"none\n", "bad.toml:1:", ""),
        ("bytes that are no text", "network = \"\u{0}\"\n", "bad.toml:1:", ""),
      ])
    func manifest(what: String, text: String, place: String, word: String) throws {
      try beside { daemon in
        try daemon.drop("bad", text)
        let pod = try daemon.pod("bad", "is found wrong") { $0.condition("ManifestValid") == "False" }
        #expect(pod.phase == "Pending")
        #expect(pod.complaints.contains(place), "\(what): \(pod.complaints)")
        #expect(pod.complaints.contains(word), "\(what): \(pod.complaints)")
      }
    }

    @Test("all errors of a file are told at once")
    func allErrors() throws {
      try beside { daemon in
        try daemon.drop("bad", "network = 1\nhostnam = \"x\"\n[[container]]\nimage = 2\n")
        let pod = try daemon.pod("bad", "is found wrong") { $0.condition("ManifestValid") == "False" }
        for place in ["bad.toml:1:", "bad.toml:2:", "bad.toml:4:"] { #expect(pod.complaints.contains(place)) }
        // Wherever they are told: the line, a caret below the place, what to do.
        let file = try daemon.directory.write(Files.readText("\(daemon.manifests)/bad.toml"), to: "bad.toml")
        for command in [["status"], ["status", "bad"], ["events"], ["diff"], ["diff", file]] {
          let answer = try daemon.berth(command)
          let text = answer.stdout + answer.stderr
          #expect(text.contains("bad.toml:1:11: error: ") && text.contains("bad.toml:4:9: error: "), "\(answer)")
          #expect(text.contains("hostnam = \"x\"\n") && text.contains("^~~~~~~\n"), "\(answer)")
          #expect(text.contains("help: did you mean 'hostname'?"), "\(answer)")
          let json = try daemon.berth(command + ["-o", "json"]).stdout
          #expect(json.contains("source_line") && json.contains("end_column"), "\(json)")
        }
      }
    }

    @Test("a file that others may write is refused with its path, until they may not")
    func writableByOthers() throws {
      try beside { daemon in
        // The mode given at creation goes through the umask, so it is set before the file gets its name.
        let hidden = try daemon.directory.write(ManifestText.of(), to: "manifests/.open")
        #expect(chmod(hidden, 0o666) == 0)
        let path = "\(daemon.manifests)/open.toml"
        try Files.rename(hidden, to: path)
        let pod = try daemon.pod("open", "is refused") { $0.condition("ManifestValid") == "False" }
        #expect(pod.complaints.contains("open.toml"))
        #expect(pod.container.pid == nil)
        #expect(chmod(path, 0o644) == 0)
        try daemon.pod("open", "runs") { $0.phase == "Running" }
      }
    }

    @Test("a symlink that leads nowhere or in a circle is named")
    func badSymlinks() throws {
      try beside { daemon in
        #expect(symlink("circle.toml", "\(daemon.manifests)/circle.toml") == 0)
        let pod = try daemon.pod("circle", "is found unreadable") { $0.condition("ManifestValid") == "False" }
        #expect(pod.complaints.contains("circle.toml"))
      }
    }

    @Test("names that aren't manifests are left alone")
    func ignored() throws {
      try beside { daemon in
        for name in [".hidden.toml", "web.toml~", "web.toml.swp", "README.md"] {
          try daemon.directory.write("= nonsense", to: "manifests/\(name)")
        }
        try daemon.sync()
        let pods = try daemon.berth("status", "-o", "json").json().array ?? []
        #expect(pods.map { $0["name"]?.string } == ["bystander"])
      }
    }

    @Test("two files with one name: the one that runs stays, the other is refused and both are named")
    func sameName() throws {
      try beside { daemon in
        let first = try daemon.run("one", ManifestText.of(pod: "name = \"twin\""), pod: "twin")
        try daemon.drop("two", ManifestText.of("echo other; \(ManifestText.stay)", pod: "name = \"twin\""))
        try eventually("both files are named", seen: { (try? daemon.berth("status", "-o", "json").stdout) ?? "" }) {
          let said = try daemon.berth("status", "-o", "json").stdout
          return said.contains("one.toml") && said.contains("two.toml")
        }
        #expect(try daemon.pod("twin")?.container.pid == first.container.pid)
      }
    }

    @Test("a directory that goes missing stops nothing; when it is back the pods follow it again")
    func missingDirectory() throws {
      try beside { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        try Files.rename(daemon.manifests, to: "\(daemon.manifests)-away")
        try eventually("the status says so") {
          try daemon.berth("status").stdout.contains(daemon.manifests) || daemon.log.contains(daemon.manifests)
        }
        #expect(isAlive(pod.container.pid))
        try Files.rename("\(daemon.manifests)-away", to: daemon.manifests)
        try daemon.drop("web", ManifestText.of(container: "env = { BACK = \"yes\" }"))
        try daemon.pod("web", "follows") { $0.container.isRunning && $0.container.pid != pod.container.pid }
      }
    }
  }
}

extension DaemonUnderTest {
  /// As `run`, where the pod is called other than its file.
  func run(_ file: String, _ manifest: String, pod: String) throws -> PodView {
    try drop(file, manifest)
    return try self.pod(pod, "runs") { $0.phase == "Running" }
  }
}
