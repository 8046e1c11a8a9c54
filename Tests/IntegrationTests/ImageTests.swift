import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("images from outside")
  struct Images {
    private func fails(_ daemon: DaemonUnderTest, _ name: String, image: String, command: String = "true") throws -> PodView {
      try daemon.drop(name, ManifestText.job(command).replacingFirst(try ManifestText.imageReference(), with: image))
      return try daemon.pod(name, "can't have its image") { ["ErrImagePull", "ImagePullBackOff"].contains($0.container.reason) }
    }

    @Test("an image that doesn't exist is named in the status; others run")
    func missing() throws {
      try withDaemon { daemon in
        let archive = try fails(daemon, "archive", image: "oci-archive:/nonexistent.tar")
        #expect(archive.container.message.contains("/nonexistent.tar"))
        let registry = try fails(daemon, "registry", image: "127.0.0.1:1/none:1")
        #expect(registry.container.message.contains("127.0.0.1:1"))
        #expect(registry.json["next_retry_at"]?.string != nil)
        #expect(try daemon.run(job: "good", "echo fine") == "fine\n")
      }
    }

    @Test("a pod goes on while its new image can't be had, and status and diff say what it waits for")
    func unavailableSuccessor() throws {
      try withDaemon { daemon in
        let manifest = try ManifestText.of()
        try daemon.run("web", manifest)
        try daemon.drop("web", manifest.replacingFirst(try ManifestText.imageReference(), with: "127.0.0.1:1/none:1"))
        let pod = try daemon.pod("web", "waits for its image") { $0.message.contains("127.0.0.1:1/none:1: pull image") }
        #expect(pod.container.state == "running")
        let diff = try daemon.berth("diff")
        // Nothing that can be done now.
        #expect(diff.exit == 0 && diff.stdout.contains("waiting for image 127.0.0.1:1/none:1: "), "\(diff)")
      }
    }

    @Test("pulls from a registry that says nothing keep no other call waiting")
    func silentRegistry() throws {
      // The kernel takes the connections, and nobody reads what comes.
      let silent = try TCPListener("127.0.0.1", port: 0)
      try withDaemon { daemon in
        for number in 0..<4 {
          // The client is given up; what it has asked for goes on.
          _ = try? daemon.berth("image", "pull", "127.0.0.1:\(silent.port)/app:\(number)", deadline: .seconds(1))
        }
        let listed = try daemon.berth("image", "ls", deadline: .seconds(10))
        #expect(listed.exit == 0, "\(listed)")
      }
    }

    @Test("an image_pull_policy of never doesn't pull")
    func never() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "never",
          "network = \"none\"\n[[container]]\nimage = \"127.0.0.1:1/none:1\"\nimage_pull_policy = \"never\"\n")
        try daemon.pod("never", "is refused") { $0.container.reason == "ErrImageNeverPull" }
      }
    }

    @Test("a byte changed in a layer is found by its digest")
    func corruptBlob() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("corrupt")
        var bytes = try Files.read(ExampleImage.archive(), limit: 64 << 20)
        // The layer is by far the largest part of the archive, so its middle is in it.
        bytes[bytes.count / 2] ^= 0x55
        let archive = "\(directory.path)/corrupt.tar"
        try Files.writeAtomically(bytes, to: archive, mode: 0o644)
        let pod = try fails(daemon, "corrupt", image: "oci-archive:\(archive)")
        #expect(pod.container.message.contains("digest") || pod.container.message.contains("sha256"), "\(pod.container.message)")
        #expect(try daemon.run(job: "good", "echo fine") == "fine\n")
      }
    }

    @Test("a truncated archive and a file that is no archive are errors, not deaths", arguments: [0, 100, 100_000])
    func truncated(length: Int) throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("truncated")
        let bytes = try Files.read(ExampleImage.archive(), limit: 64 << 20)
        let archive = "\(directory.path)/short.tar"
        try Files.writeAtomically(bytes.prefix(length), to: archive, mode: 0o644)
        #expect(try !fails(daemon, "short", image: "oci-archive:\(archive)").container.message.isEmpty)
      }
    }

    @Test("a layer with ../ writes nothing outside")
    func dotDot() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("dotdot")
        let name = "berth-escaped-\(getpid())"
        try directory.write("out\n", to: "in/\(name)")
        let deep = String(repeating: "../", count: 20)
        let layer = "\(directory.path)/layer.tar"
        try tar(["-P", "-cf", layer, "-C", "\(directory.path)/in", "--transform", "s,^,\(deep)tmp/,", name])
        let image = try ImageLayout.write("\(directory.path)/image", layers: [layer])
        let pod = try fails(daemon, "escape", image: "oci:\(image)")
        #expect(!Files.exists("/tmp/\(name)"), "it got out")
        #expect(!pod.container.message.isEmpty)
      }
    }

    @Test("a layer that writes through a symlink to an absolute path stays inside")
    func absoluteSymlink() throws {
      try withDaemon { daemon in
        let directory = try TemporaryDirectory("symlink")
        let target = try TemporaryDirectory("target")
        try directory.write("", to: "one/keep")
        #expect(symlink(target.path, "\(directory.path)/one/link") == 0)
        try directory.write("out\n", to: "two/link/escaped")
        let layers = ["one", "two"].map { "\(directory.path)/\($0).tar" }
        try tar(["-cf", layers[0], "-C", "\(directory.path)/one", "."])
        try tar(["-cf", layers[1], "-C", "\(directory.path)/two", "link/escaped"])
        let image = try ImageLayout.write("\(directory.path)/image", layers: layers)
        try daemon.drop("escape", ManifestText.job("true").replacingFirst(try ManifestText.imageReference(), with: "oci:\(image)"))
        try daemon.pod("escape", "is decided") {
          ["RunContainerError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff", "Error"].contains($0.container.reason)
        }
        #expect(try Files.list(target.path).isEmpty, "it got out")
      }
    }

    @Test("a command that isn't in the image is named")
    func missingCommand() throws {
      try withDaemon { daemon in
        try daemon.drop(
          "typo",
          "network = \"none\"\nrestart_policy = \"never\"\n[[container]]\nimage = \"\(try ManifestText.imageReference())\"\ncommand = [\"/bin/no-such\"]\n"
        )
        let pod = try daemon.pod("typo", "is refused") { $0.container.reason == "RunContainerError" }
        #expect(pod.container.message.contains("/bin/no-such"))
      }
    }

    @Test("the status says which digest a reference was resolved to, the same for two pods of one image")
    func digest() throws {
      try withDaemon { daemon in
        let one = try daemon.run("one", ManifestText.of())
        let two = try daemon.run("two", ManifestText.of())
        let digest = one.container.json["image_digest"]?.string ?? ""
        #expect(digest.hasPrefix("sha256:") && digest.count == 71)
        #expect(two.container.json["image_digest"]?.string == digest)
        #expect(one.container.json["image"]?.string == (try ManifestText.imageReference()))
      }
    }

    @Test("what one container writes to its root no other sees, and a replaced one begins anew")
    func snapshots() throws {
      try withDaemon { daemon in
        _ = try daemon.run(job: "writer", "echo mine > /etc/mine")
        #expect(try daemon.run(job: "reader", "ls /etc/mine || echo none").hasSuffix("none\n"))
      }
    }

    private func tar(_ arguments: [String]) throws {
      let result = try Command.run("tar", arguments)
      guard result.exit == 0 else { throw TestFailure("\(result)") }
    }
  }
}
