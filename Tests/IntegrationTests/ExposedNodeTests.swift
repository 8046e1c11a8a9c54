import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

extension Integration {
  @Suite("what of Berth others on the node can reach")
  struct ExposedNode {
    private func mode(_ path: String) throws -> UInt32 { try Files.status(path).permissions }

    @Test("A36: root and state folder are closed to others, below them everything is root's alone, and a wrong mode is mended at a start")
    func folders() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        try daemon.stop()
        for path in [daemon.root, daemon.state, "\(daemon.state)/pods"] { #expect(chmod(path, 0o777) == 0) }
        try daemon.start()
        #expect(try mode(daemon.root) == 0o700 && mode(daemon.state) == 0o711)
        for name in try Files.list(daemon.state) {
          let status = try Files.linkStatus("\(daemon.state)/\(name)")
          #expect(status.permissions & 0o077 == 0 || status.kind == .socket, "\(name): \(String(status.permissions, radix: 8))")
        }
      }
    }

    @Test("A18: no socket of Berth's is abstract, and a shim's lies where only root comes")
    func sockets() throws {
      try withDaemon { daemon in
        try daemon.run("web", ManifestText.of())
        let pod = try #require(try daemon.pod("web"))
        let folder = "\(daemon.state)/pods/\(pod.uid)"
        let socket = "\(folder)/shim.sock"
        #expect(try Files.linkStatus(socket).kind == .socket && mode(socket) & 0o077 == 0)
        #expect(try mode(folder) == 0o700)
        #expect(try mode(daemon.socket) & 0o007 == 0)
        // Bound names of this network namespace: those of the daemon's are paths, and the shim's API has one of its own.
        let names = try Files.readText("/proc/net/unix", limit: 1 << 24).split(separator: "\n").dropFirst().compactMap { line in
          line.split(separator: " ").count > 7 ? line.split(separator: " ").last.map(String.init) : nil
        }
        #expect(names.contains { $0.hasSuffix("berth.sock") }, "\(names)")
        #expect(!names.contains { $0.hasPrefix("@") && $0.lowercased().contains("berth") }, "\(names)")
        #expect(!names.contains { $0.hasPrefix("@") && $0.contains(pod.uid) })
      }
    }
  }
}
