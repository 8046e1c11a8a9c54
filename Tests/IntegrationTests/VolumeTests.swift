import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("volumes")
  struct Volumes {
    private static let data = "[[volume]]\nname = \"data\"\n"

    @Test("an empty_dir is shared by the pod's containers and begins empty with each pod")
    func emptyDir() throws {
      try withDaemon { daemon in
        let image = try ManifestText.imageReference()
        let manifest = """
          network = "none"
          restart_policy = "never"
          [[container]]
          name = "writer"
          image = "\(image)"
          command = ["sh", "-c", "found=$(ls -A /data); printf %s $found > /data/before; echo word > /data/w.tmp; mv /data/w.tmp /data/w"]
          mounts = ["data:/data"]
          [[container]]
          name = "reader"
          image = "\(image)"
          command = ["sh", "-c", "while [ ! -e /in/w ]; do sleep 0.02; done; cat /in/before /in/w; touch /in/x 2> /dev/null && echo wrote"]
          mounts = ["data:/in:ro"]
          [[volume]]
          name = "data"
          empty_dir = {}
          """
        for _ in 0..<2 {
          try daemon.drop("pair", manifest)
          try daemon.pod("pair", "ends") { $0.containers.allSatisfy { $0.state == "terminated" } }
          #expect(try daemon.logs("pair/reader") == "word\n")
          try daemon.remove("pair")
          try daemon.wait("pair", for: "deleted")
        }
      }
    }

    @Test("an empty_dir in memory is a tmpfs of the size asked for")
    func memory() throws {
      try withDaemon { daemon in
        let said = try daemon.run(
          job: "ram", "grep ' /data ' /proc/self/mountinfo | grep -o ' tmpfs '; head -c 2000000 /dev/zero > /data/big || echo full",
          container: "mounts = [\"data:/data\"]", tables: Self.data + "empty_dir = { medium = \"memory\", size = \"1MiB\" }")
        #expect(said.contains("tmpfs"))
        #expect(said.hasSuffix("full\n"))
      }
    }

    @Test("a persistent volume outlives its pod and the daemon")
    func persistent() throws {
      try withDaemon { daemon in
        func visit() throws -> String {
          let said = try daemon.run(
            job: "visits", "echo x >> /data/visits; grep -c x /data/visits", container: "mounts = [\"data:/data\"]",
            tables: Self.data + "persistent = {}")
          try daemon.remove("visits")
          try daemon.wait("visits", for: "deleted")
          return said
        }
        #expect(try visit() == "1\n")
        try daemon.stop()
        try daemon.start()
        #expect(try visit() == "2\n")
      }
    }

    @Test("a persistent volume is listed, measured, and removed on demand, but not while a pod has it")
    func removal() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "web",
          ManifestText.of(
            "head -c 100000 /dev/zero > /data/big; touch /data/done; \(ManifestText.stay)", container: "mounts = [\"data:/data\"]",
            tables: Self.data + "persistent = {}"))
        try daemon.pod("web", "runs") { $0.phase == "Running" }
        let listed = try #require(try daemon.berth("volume", "ls", "-o", "json").json().array)
        #expect(listed.count == 1 && listed.first?["pod"]?.string == "web", "\(listed)")
        try eventually("it is written") { try daemon.berth("exec", "web", "--", "ls", "/data/done").exit == 0 }
        let size = try daemon.berth("volume", "inspect", "web/data").json()["size"]?.integer
        #expect(size ?? 0 >= 100_000)
        let refused = try daemon.berth("volume", "rm", "web/data")
        #expect(refused.exit == 1 && refused.stderr.contains("default/web"), "\(refused)")
        try daemon.remove("web")
        try daemon.wait("web", for: "deleted")
        #expect(try daemon.berth("volume", "rm", "web/data").exit == 0)
        #expect(try daemon.berth("volume", "ls", "-o", "json").json().array?.isEmpty == true)
        let gone = try daemon.berth("volume", "rm", "web/data")
        #expect(gone.exit == 1 && gone.stderr.contains("web/data"), "\(gone)")
      }
    }

    @Test("a host_path is the node's directory, read-only where it says so; one that must be there and isn't is an error")
    func hostPath() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("host")
        try directory.write("from the node\n", to: "note")
        let volume = Self.data + "host_path = \"\(directory.path)\""
        #expect(
          try daemon.run(
            job: "read", "cat /data/note; touch /data/x || echo denied", container: "mounts = [\"data:/data:ro\"]", tables: volume
          )
          .hasPrefix("from the node\n"))
        #expect(!Files.exists("\(directory.path)/x"))
        _ = try daemon.run(job: "write", "echo back > /data/back", container: "mounts = [\"data:/data\"]", tables: volume)
        #expect(try Files.readText("\(directory.path)/back") == "back\n")

        try daemon.drop(
          "missing",
          ManifestText.job(
            "true", container: "mounts = [\"data:/data\"]",
            tables: Self.data + "host_path = { path = \"\(directory.path)/no\", type = \"directory\" }"))
        let pod = try daemon.pod("missing", "is refused") { $0.reason == "CreatePodSandboxError" }
        #expect((pod.message + pod.container.message).contains("\(directory.path)/no"))
        try Files.makeDirectory("\(directory.path)/made-later")
      }
    }

    @Test("a config volume has the manifest's files and modes; changed content replaces the container")
    func config() throws {
      try withDaemon { daemon in
        func manifest(_ text: String) throws -> String {
          try ManifestText.of(
            "cat /etc/app/app.conf; stat -c %a /etc/app/app.conf; \(ManifestText.stay)", container: "mounts = [\"conf:/etc/app:ro\"]",
            tables: "[[volume]]\nname = \"conf\"\n[volume.config]\nmode = 0o440\n[volume.config.files]\n\"app.conf\" = \"\(text)\\n\"")
        }
        let first = try daemon.run("app", manifest("one"))
        try eventually("the first content is printed") { try daemon.logs("app") == "one\n440\n" }
        try daemon.drop("app", manifest("two"))
        try daemon.pod("app", "is replaced") { $0.container.isRunning && $0.container.pid != first.container.pid }
        try eventually("the second content is printed") { try daemon.logs("app").hasSuffix("two\n440\n") }
      }
    }

    @Test("a sub_path mounts a part of a volume, and no symlink leads it out")
    func subPath() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("sub")
        try directory.write("inner\n", to: "a/b/note")
        #expect(symlink("/etc", "\(directory.path)/out") == 0)
        let volume = Self.data + "host_path = \"\(directory.path)\""
        func mount(_ sub: String) -> String { "mounts = [{ volume = \"data\", path = \"/data\", sub_path = \"\(sub)\" }]" }
        #expect(try daemon.run(job: "sub", "cat /data/note", container: mount("a/b"), tables: volume) == "inner\n")
        try daemon.drop("escape", ManifestText.job("ls /data/passwd", container: mount("out"), tables: volume))
        try daemon.pod("escape", "doesn't get out") { $0.phase == "Failed" || $0.reason == "CreateContainerError" }
      }
    }
  }
}
