import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("propagation of mounts")
  struct PropagationOfMounts {
    private func manifest(_ directory: String, _ propagation: String) throws -> String {
      try ManifestText.of(
        "mkdir -p /data/inner; mount -t tmpfs t /data/inner && echo hello > /data/inner/word; \(ManifestText.stay)",
        container: """
          security = { privileged = true }
          mounts = [{ volume = "data", path = "/data", propagation = "\(propagation)" }]
          """, tables: "[[volume]]\nname = \"data\"\nhost_path = \"\(directory)\"\n")
    }

    /// A folder that is a mount of its own, in which mounts are shared or not.
    private func withMount(shared: Bool, _ body: (String) throws -> Void) throws {
      let directory = try TemporaryDirectory("propagation")
      let path = directory.path
      guard mount(path, path, nil, UInt(MS_BIND), nil) == 0, mount(nil, path, nil, UInt(shared ? MS_SHARED : MS_PRIVATE), nil) == 0 else {
        throw Errno.current
      }
      defer {
        for inner in ["\(path)/inner", "\(path)/later", path] { _ = umount2(inner, Int32(MNT_DETACH)) }
      }
      try body(path)
    }

    @Test("bidirectional: what a container mounts is there on the node, and the reverse")
    func both() throws {
      try withMount(shared: true) { path in
        try withDaemon { daemon in
          try daemon.run("mounter", manifest(path, "bidirectional"))
          try eventually("the container's mount is on the node") { (try? Files.readText("\(path)/inner/word")) == "hello\n" }
          try Files.makeDirectory("\(path)/later", mode: 0o755)
          #expect(mount("t", "\(path)/later", "tmpfs", 0, nil) == 0)
          try Files.writeAtomically(Array("node\n".utf8), to: "\(path)/later/word")
          #expect(try daemon.berth("exec", "mounter", "--", "cat", "/data/later/word").stdout == "node\n")
          // It outlives its pod, as with Kubernetes; the census is about what is Berth's.
          #expect(umount2("\(path)/inner", Int32(MNT_DETACH)) == 0 && umount2("\(path)/later", Int32(MNT_DETACH)) == 0)
        }
      }
    }

    @Test("host-to-container and private: nothing comes back; the one sees what the node mounts, the other doesn't")
    func oneWay() throws {
      try withMount(shared: true) { path in
        try withDaemon { daemon in
          for (kind, sees) in [("host-to-container", true), ("private", false)] {
            try daemon.run("mounter", manifest(path, kind))
            try eventually("the container has mounted") {
              try daemon.berth("exec", "mounter", "--", "cat", "/data/inner/word").stdout == "hello\n"
            }
            #expect(!Files.exists("\(path)/inner/word"))
            try? Files.makeDirectory("\(path)/later", mode: 0o755)
            #expect(mount("t", "\(path)/later", "tmpfs", 0, nil) == 0)
            try Files.writeAtomically(Array("node\n".utf8), to: "\(path)/later/word")
            #expect(try daemon.berth("exec", "mounter", "--", "cat", "/data/later/word").stdout == (sees ? "node\n" : ""), "\(kind)")
            #expect(umount2("\(path)/later", Int32(MNT_DETACH)) == 0)
            try daemon.remove("mounter")
            try daemon.wait("mounter", for: "deleted")
          }
        }
      }
    }

    @Test("bidirectional on a mount that isn't shared is an error that says so")
    func notShared() throws {
      try withMount(shared: false) { path in
        try withDaemon { daemon in
          try daemon.drop("mounter", manifest(path, "bidirectional"))
          let pod = try daemon.pod("mounter", "is refused") { ($0.message + $0.container.message).contains("shared mount") }
          #expect((pod.message + pod.container.message).contains(path))
        }
      }
    }
  }
}
