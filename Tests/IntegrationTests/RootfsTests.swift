import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("directories and images as file systems")
  struct Rootfs {
    /// A root file system with a shell, as somebody may have it on the node.
    private func tree(_ directory: TemporaryDirectory) throws -> String {
      try Files.makeDirectories("\(directory.path)/root/bin", mode: 0o755)
      try ProgramFile.copy("busybox", to: "\(directory.path)/root/bin/sh")
      try directory.write("from the node\n", to: "root/greeting")
      return "\(directory.path)/root"
    }

    @Test("a rootfs: image is read and never written")
    func rootfs() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("rootfs")
        let root = try tree(directory)
        let manifest = try ManifestText.of(
          "read line < /greeting; echo \"$line\"; echo changed > /greeting; echo new > /new; read line < /greeting; echo \"$line\"",
          pod: "restart_policy = \"never\"", image: "rootfs:\(root)")
        try daemon.drop("node", manifest)
        try daemon.wait("node", for: "succeeded")
        #expect(try daemon.logs("node") == "from the node\nchanged\n")
        #expect(try Files.readText("\(root)/greeting") == "from the node\n")
        #expect(!Files.exists("\(root)/new"))
      }
    }

    @Test("a rootfs: that isn't there is named in the status, and found once it is")
    func missing() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("rootfs")
        try daemon.drop(
          "node",
          try ManifestText.job("true").replacingFirst(
            try ManifestText.imageReference(), with: "rootfs:\(directory.path)/root"))
        let pod = try daemon.pod("node", "has no root") { ["ErrImagePull", "ImagePullBackOff"].contains($0.container.reason) }
        #expect(pod.container.message.contains("\(directory.path)/root"))
        _ = try tree(directory)
        try daemon.wait("node", for: "succeeded")
      }
    }

    @Test(
      "where images are copied, containers run, are replaced and found again as with overlayfs",
      arguments: ["", "user_namespace = \"auto\""])
    func copying(users: String) throws {
      try withDaemon(config: "[snapshots]\nsnapshotter = \"copy\"\n") { daemon in
        let script = "echo $(cat /etc/mark 2> /dev/null || echo fresh) $(stat -c %u /bin); echo old > /etc/mark; \(ManifestText.stay)"
        try daemon.drop("web", try ManifestText.of(script, pod: users))
        try daemon.wait("web", for: "ready")
        #expect(try daemon.logs("web") == "fresh 0\n")
        let first = try daemon.pod("web", "runs") { $0.container.pid != nil }.container.pid
        try daemon.stop()
        try daemon.start()
        let again = try daemon.pod("web", "is found") { $0.container.pid != nil }
        #expect(again.container.pid == first)
        let cat = try daemon.berth("exec", "web", "--", "cat", "/etc/mark")
        #expect(cat.stdout == "old\n", "\(cat)")
        // Ended, it begins anew.
        _ = try daemon.berth("exec", "web", "--", "kill", "1")
        _ = try daemon.pod("web", "runs again") { $0.container.restarts > 0 && $0.container.isRunning }
        try eventually("it has begun") { try daemon.logs("web") == "fresh 0\n" }
        #expect(try daemon.berth("version").stdout.contains("snapshotter copy\n"))
      }
    }

    @Test("an image is mounted as a volume, read-only, and stays for its pod after it was removed and pruned")
    func volume() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("volume")
        try directory.write("asset\n", to: "files/asset")
        let archive = "\(directory.path)/assets.tar"
        let made = try Command.run(
          Binaries.worker, ["make-image", "--rootfs", "\(directory.path)/files", "--output", archive, "--ref", "example.com/assets:1"])
        #expect(made.exit == 0, "\(made)")
        let imported = try daemon.berth("image", "import", "--names", archive)
        #expect(imported.exit == 0, "\(imported)")
        let tables = "[[volume]]\nname = \"assets\"\nimage = \"example.com/assets:1\"\n"
        let script = "cat /assets/asset; echo x 2> /dev/null > /assets/new || echo refused; \(ManifestText.stay)"
        try daemon.run("web", try ManifestText.of(script, container: "mounts = [\"assets:/assets\"]", tables: tables))
        #expect(try daemon.berth("image", "rm", "example.com/assets:1").exit == 0)
        #expect(try daemon.berth("image", "prune").exit == 0)
        try eventually("it has written", that: { try daemon.logs("web") == "asset\nrefused\n" })
        let held = try daemon.berth("snapshot", "ls", "-o", "json").json().array ?? []
        #expect(held.contains { $0["kind"]?.string == "view" })
      }
    }

    @Test("an image that is a volume is waited for, as the container's own")
    func missingVolume() throws {
      try withDaemon { daemon in
        let tables = "[[volume]]\nname = \"assets\"\nimage = { reference = \"127.0.0.1:1/none:1\" }\n"
        try daemon.drop("web", try ManifestText.of(container: "mounts = [\"assets:/assets\"]", tables: tables))
        try eventually(
          "its status names the image",
          that: { try daemon.berth("explain", "web").stdout.contains("127.0.0.1:1/none:1") })
      }
    }
  }
}
