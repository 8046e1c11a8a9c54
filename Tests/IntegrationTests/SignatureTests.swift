import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("signed images", .enabled(if: SignedRegistry.isPossible, SignedRegistry.needs))
  struct Signatures {
    @Test("an image that its policy wants signed isn't run, the status says why, and once it is signed it runs")
    func policy() throws {
      let registry = try SignedRegistry()
      let config = """
        [manifests]
        removal_delay = "50ms"
        [registry.policy."\(registry.host)/app"]
        keys = ["\(registry.directory.path)/key.pub"]
        """
      try withDaemon(config: config) { daemon in
        let image = "\(registry.host)/app:v1"
        try daemon.drop("web", ManifestText.of(image: image))
        let refused = try daemon.pod("web", "is refused") { ["ErrImagePull", "ImagePullBackOff"].contains($0.container.reason) }
        #expect(refused.container.message.contains("it is not signed"), "\(refused.container.message)")
        #expect(refused.container.json["pid"]?.integer == nil)
        #expect(try daemon.berth("image", "pull", image).stderr.contains("key.pub"))
        try registry.sign()
        // The edit has it tried at once.
        try daemon.drop("web", ManifestText.of(pod: "labels = { tried = \"again\" }", image: image))
        let runs = try daemon.pod("web", "runs") { $0.container.state == "running" }
        #expect(runs.container.json["image_digest"]?.string == registry.digest)
      }
    }

    @Test("an image is pushed under a further name, and another tool reads the same from there")
    func push() throws {
      let registry = try SignedRegistry()
      try withDaemon { daemon in
        for arguments in [
          ["image", "pull", "\(registry.host)/app:v1"], ["image", "tag", "\(registry.host)/app:v1", "\(registry.host)/copy:v2"],
        ] { #expect(try daemon.berth(arguments).exit == 0) }
        // What was pulled is counted: at least the layer.
        let metrics = try Command.run("curl", ["-s", "-m", "20", "--unix-socket", daemon.socket, "http://berth/metrics"]).stdout
        let pulled = metrics.split(separator: "\n").first { $0.hasPrefix("berth_pull_bytes_total ") }
        #expect(try #require(pulled.flatMap { $0.split(separator: " ").last.flatMap { Int($0) } }) > 100_000)
        let pushed = try daemon.berth("image", "push", "\(registry.host)/copy:v2")
        #expect(pushed.exit == 0 && pushed.stdout.contains(registry.digest), "\(pushed)")
        let seen = try Command.run("skopeo", ["inspect", "--no-tags", "--tls-verify=false", "docker://\(registry.host)/copy:v2"])
        #expect(try seen.json()["Digest"]?.string == registry.digest)
        #expect(try daemon.berth("image", "push", "127.0.0.1:1/copy:v2").exit == 1)
      }
    }
  }
}
