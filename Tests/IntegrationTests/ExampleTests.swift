import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("examples/")
  struct Examples {
    private static let folder = "\(Files.parent(of: Files.parent(of: Files.parent(of: #filePath))))/examples"
    /// Needs a registry of the world.
    private static let online = "registry-image"

    private struct Manifest {
      var folder: String
      var file: String
      var text: String
      /// The pod's: what the manifest says at its top, else the file's.
      var name: String {
        let head = "name = \""
        let line = text.split(separator: "\n").prefix { !$0.hasPrefix("[") }.first { $0.hasPrefix(head) }
        return line.map { String($0.dropFirst(head.count).dropLast()) } ?? file.replacingFirst(".toml", with: "")
      }
    }

    private func manifests() throws -> [Manifest] {
      try Files.list(Self.folder).sorted().flatMap { folder in
        try Files.list("\(Self.folder)/\(folder)").sorted().filter { $0.hasSuffix(".toml") }.map { file in
          Manifest(folder: folder, file: file, text: try Files.readText("\(Self.folder)/\(folder)/\(file)"))
        }
      }
    }

    @Test("every example is valid, without a warning, and says in a README what to do with it")
    func valid() throws {
      for manifest in try manifests() {
        let result = try Command.run(Binaries.berth, ["validate", "\(Self.folder)/\(manifest.folder)/\(manifest.file)"])
        #expect(result.exit == 0 && result.stderr == "", "\(result)")
        let readme = try Files.readText("\(Self.folder)/\(manifest.folder)/README.md")
        #expect(readme.contains("cp examples/\(manifest.folder)/\(manifest.file) manifests/"), "\(manifest.folder)/README.md")
      }
    }

    @Test("every example runs, all of them side by side", .enabled(if: Command.exists("nft"), "nft(8) is not installed"))
    func run() throws {
      let image = try ManifestText.imageReference()
      let all = try manifests().filter { $0.folder != Self.online }
      #expect(all.count > 12)
      try withDaemon { daemon in
        for manifest in all {
          try daemon.drop(
            manifest.name, manifest.text.replacing("oci-archive:../.build/example-image.tar", with: image))
        }
        for manifest in all {
          try daemon.pod(manifest.name, "does what it is to do") { pod in
            pod.phase == "Succeeded" || pod.isReady || pod.reason == "Scheduled"
          }
        }
        #expect(try daemon.logs("front").contains("hello from back"))
        #expect(try daemon.logs("sidecar/app") == "through the proxy\n")
        #expect(try daemon.logs("secret") == "the token has 6 bytes, mode 600\n")
        #expect(try daemon.logs("sum") == "5050\n")
      }
    }
  }
}
