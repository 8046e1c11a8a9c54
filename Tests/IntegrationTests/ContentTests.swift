import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("config and secrets")
  struct Contents {
    private static let secret = "correct-horse-battery"

    @Test("a secret reaches the container, in memory, and no output shows it")
    func secrets() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("keys")
        try directory.write(Self.secret + "\n", to: "token")
        let manifest = try ManifestText.of(
          "cat /keys/token | md5sum; echo $TOKEN | md5sum; stat -f -c %T /keys; stat -c %a /keys/token; touch /keys/x; \(ManifestText.stay)",
          container: "mounts = [\"keys:/keys\"]\nenv = { TOKEN = { secret = \"keys/token\" } }",
          tables: "[[volume]]\nname = \"keys\"\nsecret = { from = [\"\(directory.path)/token\"] }")
        try daemon.run("app", manifest)
        try eventually("the container has printed") { try daemon.logs("app").contains("600\n") }
        let lines = try daemon.logs("app").split(separator: "\n").map(String.init)
        #expect(lines.count >= 4 && lines[0] == lines[1], "\(lines)")
        #expect(lines.contains("tmpfs"))

        // Another value makes the pod anew; that is shown, and the value isn't.
        try directory.write("another-\(Self.secret)", to: "token.new")
        let plan = try daemon.berth(["diff"])
        try Files.rename("\(directory.path)/token.new", to: "\(directory.path)/token")
        try eventually("the pod follows") { try daemon.berth(["events"]).stdout.contains("volume.keys.secret") }
        var shown = plan.stdout + plan.stderr
        for arguments in [
          ["inspect", "app"], ["events"], ["status", "-o", "json"], ["status", "app"], ["diff", "-o", "json"], ["explain", "app"],
          ["logs", "app"],
        ] {
          let answer = try daemon.berth(arguments)
          shown += answer.stdout + answer.stderr
        }
        #expect(!shown.contains(Self.secret) && shown.contains("volume.keys.secret.from.token.content changed"))
        #expect(try Self.files(below: daemon.root).allSatisfy { !contains($0, Self.secret) }, "on disk")
      }
    }

    private static func files(below path: String) throws -> [String] {
      try Files.list(path).flatMap { name -> [String] in
        let entry = "\(path)/\(name)"
        guard let status = try? Files.linkStatus(entry) else { return [] }
        return status.kind == .directory ? try files(below: entry) : status.kind == .regular ? [entry] : []
      }
    }

    @Test("content from a file is followed: in place with a signal where the manifest says so, and on_change = none is silent")
    func onChange() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("conf")
        try directory.write("one\n", to: "app.conf")
        func manifest(_ change: String) throws -> String {
          try ManifestText.of(
            "trap 'cat /conf/app.conf; echo hup' HUP; cat /conf/app.conf; echo up; while :; do sleep 0.05; done",
            pod: "termination_grace_period = \"1s\"",
            container: "mounts = [\"conf:/conf\"]",
            tables: "[[volume]]\nname = \"conf\"\nconfig = { from = [\"\(directory.path)/app.conf\"], on_change = \"\(change)\" }"
          ).replacing("termination_grace_period = \"3s\"\n", with: "")
        }
        let first = try daemon.run("app", manifest("signal:HUP"))
        try eventually("it is up") { try daemon.logs("app").contains("up\n") }
        try directory.write("two\n", to: "app.conf")
        try eventually("it is told") { try daemon.logs("app").contains("two\nhup\n") }
        #expect(try daemon.pod("app", "is the same") { $0.container.isRunning }.container.pid == first.container.pid)
        #expect(try daemon.berth(["diff"]).exit == 0)

        // A file that goes away is an error of the manifest, and nothing stops.
        try Files.unlink("\(directory.path)/app.conf")
        let broken = try daemon.pod("app", "says what is wrong") { $0.condition("ManifestValid") == "False" }
        #expect(broken.complaints.contains("app.conf is not there") && broken.container.pid == first.container.pid)
        try directory.write("three\n", to: "app.conf")
        try eventually("it is told again") { try daemon.logs("app").contains("three\nhup\n") }
      }
    }

    @Test("variables from files and facts, groups and a device")
    func attributes() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("env")
        try directory.write("# comment\nA=1\nB=2\n", to: "common.env")
        let said = try daemon.run(
          job: "job", "echo $A $B $ME $NS; id -G; ls /dev/void; stat -c '%g %a' /data; touch /data/f; stat -c %g /data/f; ls /data/sub -d",
          pod: "fs_group = 2000\nsupplemental_groups = [3000]",
          container: """
            env_file = ["\(directory.path)/common.env"]
            env = { B = "3", ME = { field = "pod.name" }, NS = { field = "pod.namespace" } }
            devices = [{ host = "/dev/null", container = "/dev/void" }]
            mounts = ["data:/data", { volume = "data", path = "/sub", sub_path = "sub/deep" }]
            """, tables: "[[volume]]\nname = \"data\"\nempty_dir = {}")
        #expect(said.hasPrefix("1 3 job default\n0 "))
        #expect(said.contains("2000") && said.contains("3000") && said.contains("/dev/void\n2000 2777\n2000\n/data/sub\n"), "\(said)")
      }
    }

    @Test("host_pid and host_ipc share the node's")
    func shared() throws {
      try withDaemon { daemon in
        func namespaces(_ name: String, _ pod: String) throws -> [String] {
          try daemon.run(job: name, "readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc", pod: pod).split(separator: "\n").map(
            String.init)
        }
        let node = [try Files.readLink("/proc/self/ns/pid"), try Files.readLink("/proc/self/ns/ipc")]
        let own = try namespaces("own", "")
        #expect(own.count == 2 && own[0] != node[0] && own[1] != node[1])
        #expect(try namespaces("both", "host_pid = true\nhost_ipc = true") == node)
      }
    }

    @Test("a pod runs only where the node's labels match its selector")
    func selector() throws {
      try withDaemon { daemon in
        try daemon.drop("else", try ManifestText.of(pod: "node_selector = { zone = \"b\" }"))
        let pod = try daemon.pod("else", "is suspended") { $0.reason == "Suspended" }
        #expect(pod.message.contains("zone = \"b\""))
      }
    }
  }
}

private func contains(_ path: String, _ text: String) -> Bool {
  guard let bytes = try? Files.read(path) else { return false }
  return bytes.firstRange(of: Array(text.utf8)) != nil
}
