import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("image archives")
  struct ImageArchives {
    @Test("an export goes into a pipe that is there, and to where a symlink leads; neither becomes a file, and a directory is refused")
    func special() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("export")
        #expect(try daemon.berth("image", "import", "--tag", "app:1", ExampleImage.archive()).exit == 0)
        let (pipe, link) = ("\(directory.path)/pipe", "\(directory.path)/link")
        let script = "mkfifo \(pipe) && { cat \(pipe) | tar tf - > \(directory.path)/list & } && \"$@\"; code=$?; wait; exit $code"
        let export = [Binaries.berth, "--address", daemon.socket, "image", "export"]
        let piped = try Command.run("sh", ["-c", script, "sh"] + export + [pipe, "app:1"])
        #expect(piped.exit == 0, "\(piped)")
        #expect(try Files.linkStatus(pipe).kind == .fifo)
        #expect(try Files.readText("\(directory.path)/list").contains("index.json"))
        try directory.write("old", to: "real")
        let linked = try Command.run("ln", ["-s", "real", link])
        #expect(linked.exit == 0)
        #expect(try daemon.berth("image", "export", link, "app:1").exit == 0)
        #expect(try Files.linkStatus(link).kind == .symlink && Files.status("\(directory.path)/real").size > 100_000)
        let refused = try daemon.berth("image", "export", directory.path, "app:1")
        #expect(refused.exit == 1 && refused.stderr.contains("it is a directory"), "\(refused)")
        #expect(try Files.list(directory.path).sorted() == ["link", "list", "pipe", "real"])
      }
    }

    @Test("what an archive has a tag alone for is said with it, also where names are wanted")
    func tags() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("tags")
        let made = try Command.run("skopeo", ["copy", "-q", ManifestText.imageReference(), "oci:\(directory.path)/layout:v1"])
        #expect(made.exit == 0, "\(made)")
        let plain = try daemon.berth("image", "import", "\(directory.path)/layout")
        #expect(plain.exit == 0 && plain.stdout.contains("(the archive calls it v1)"), "\(plain)")
        let named = try daemon.berth("image", "import", "--names", "\(directory.path)/layout")
        #expect(named.exit == 0 && named.stdout.contains("calls it v1, which is no whole name"), "\(named)")
      }
    }
  }
}
