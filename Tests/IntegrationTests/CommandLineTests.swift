import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("the command line")
  struct CommandLine {
    @Test("status -o json has the fixed fields")
    func statusFields() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of(pod: "labels = { a = \"b\" }")).json
        let fields = [
          "namespace", "name", "uid", "phase", "reason", "message", "ready", "next_retry_at", "source", "spec_hash", "generation",
          "network",
          "conditions", "init_containers", "containers",
        ]
        for field in fields { #expect(pod[field] != nil, "\(field)") }
        #expect(pod["network"]?["ips"]?.array != nil)
        #expect(pod["source"]?.string?.hasSuffix("web.toml") == true)
        let conditions = pod["conditions"]?.array ?? []
        #expect(conditions.compactMap { $0["type"]?.string } == ["ManifestValid", "Initialized", "ContainersReady", "Ready"])
        for field in ["type", "status", "reason", "message", "last_transition"] { #expect(conditions.first?[field] != nil, "\(field)") }
        let container = pod["containers"]?.array?.first
        let containerFields = [
          "name", "id", "image", "image_digest", "state", "reason", "message", "pid", "exit_code", "signal", "started_at", "finished_at",
          "restart_count", "ready",
        ]
        for field in containerFields { #expect(container?[field] != nil, "\(field)") }
        #expect(try daemon.berth("status", "-o", "json").json().array?.count == 1)
        #expect(try daemon.berth("-o", "json", "status", "web").json().array?.count == 1, "global options before the verb")
      }
    }

    @Test("validate needs no daemon: 0 for good files, 1 and a line per error for bad ones")
    func validate() throws {
      let directory = try TemporaryDirectory("validate")
      let good = try directory.write("network = \"none\"\n[[container]]\nimage = \"busybox:1\"\n", to: "good.toml")
      let bad = try directory.write("network = \"none\"\n[[container]]\nimage = 5\nnonsense = 1\n", to: "bad.toml")
      #expect(try Command.run(Binaries.berth, ["validate", good]).exit == 0)
      let result = try Command.run(Binaries.berth, ["validate", good, bad])
      #expect(result.exit == 1)
      let said = result.stdout + result.stderr
      #expect(said.contains("bad.toml:3:9: error: "), "\(said)")
      #expect(said.contains("bad.toml:4:1: error: "), "\(said)")
      #expect(!said.contains("good.toml:"), "\(said)")
    }

    @Test("every manifest and example of the repository is valid")
    func repositoryManifests() throws {
      let repository = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))
      let result = try Command.run(Binaries.berth, ["validate", "\(repository)/manifests", "\(repository)/examples"])
      #expect(result.exit == 0, "\(result)")
    }

    @Test("diff is 0 with nothing to do, 2 with differences and their reasons")
    func diff() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        try daemon.sync()
        #expect(try daemon.berth("diff").exit == 0)
        let directory = try TemporaryDirectory("diff")
        let same = try daemon.berth("diff", try directory.write(ManifestText.of(), to: "web.toml"))
        #expect(same.exit == 0 && same.stdout == "nothing to do\n", "\(same)")
        let edited = try directory.write(ManifestText.of(container: "env = { NEW = \"1\" }"), to: "web.toml")
        let result = try daemon.berth("diff", edited)
        #expect(result.exit == 2, "\(result)")
        #expect(result.stdout.contains("web"))
        #expect(result.stdout.contains("env"), "the field that differs: \(result.stdout)")
        #expect(try daemon.berth("diff", edited, "-o", "json").json() != .null)
        #expect(try daemon.pod("web")?.container.restarts == 0, "a diff does nothing")
      }
    }

    @Test("usage errors are 64, unknown pods 1 in one line, a wait that ends too late 124")
    func exitCodes() throws {
      try withDaemon { daemon in
        #expect(try daemon.berth("no-such-verb").exit == 64)
        #expect(try daemon.berth("status", "--no-such-flag").exit == 64)
        let namespace = try daemon.berth("-n", "No_Such", "status")
        #expect(namespace.exit == 64 && namespace.stderr.contains("'No_Such' is no namespace"), "\(namespace)")
        #expect(try daemon.berth("top", "--interval", "0s").exit == 64)
        let unknown = try daemon.berth("status", "nobody")
        #expect(unknown.exit == 1)
        #expect(unknown.stderr.hasPrefix("berth: "), "\(unknown)")
        #expect(unknown.stderr.contains("nobody"))
        #expect(unknown.stderr.split(separator: "\n").count == 1)
        #expect(try daemon.berth("logs", "nobody").exit == 1)
        try daemon.run("web", ManifestText.of())
        for verb in [["status"], ["restart"], ["exec"], ["history"], ["top"], ["port-forward"]] {
          let rest = verb == ["exec"] ? ["--", "true"] : verb == ["port-forward"] ? ["80"] : []
          let near = try daemon.berth(verb + ["wbe"] + rest)
          #expect(near.exit != 0 && near.stderr.contains("there is no such pod; did you mean web?"), "\(near)")
        }
        #expect(try daemon.berth("status", "web", "-n", "other").stderr.contains("did you mean default/web?"))
        #expect(try daemon.berth("wait", "web", "--for", "succeeded", "--timeout", "100ms").exit == 124)
        #expect(try daemon.berth("wait", "web", "--for", "running", "--timeout", "10s").exit == 0)
      }
    }

    @Test("a second daemon is refused on the root, and on the state folder with any root; so is a teardown")
    func oneDaemon() throws {
      try withDaemon { daemon in
        let pod = try daemon.run("web", ManifestText.of())
        let other = try TemporaryDirectory("other")
        for (root, state, words) in [
          (daemon.root, other.path, "keeps this root"), (other.path, daemon.state, "keeps this state folder"),
        ] {
          for command in [["--once", "--manifests", daemon.manifests], ["teardown"]] {
            let second = try Command.run(Binaries.berthd, command + ["--root", root, "--state", state, "--address", "\(other.path)/sock"])
            #expect(second.exit == 1 && second.stderr.contains(words), "\(second)")
          }
        }
        #expect(try daemon.pod("web")?.container.pid == pod.container.pid)
      }
    }

    @Test("without a daemon the error names the socket")
    func noDaemon() throws {
      let result = try Command.run(Binaries.berth, ["--address", "/nonexistent/berth.sock", "status"])
      #expect(result.exit == 1)
      #expect(result.stderr.contains("/nonexistent/berth.sock"))
    }

    @Test("a root that isn't there is said to be none by teardown")
    func noRoot() throws {
      let directory = try TemporaryDirectory()
      let root = "\(directory.path)/typo"
      let places = ["--root", root, "--state", "\(directory.path)/state", "--address", "\(directory.path)/sock"]
      let result = try Command.run(Binaries.berthd, ["teardown"] + places)
      #expect(result.exit == 0 && result.stderr.contains("there is no \(root)"), "\(result)")
    }

    @Test("events tell what happened to a pod, in order")
    func events() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        let text = try daemon.berth("events", "-o", "json").stdout
        #expect(text.contains("\"web\""))
        #expect(text.contains("Started"), "\(text)")
      }
    }
  }
}
