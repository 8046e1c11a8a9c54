import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("pull policies", .enabled(if: SignedRegistry.isPossible, SignedRegistry.needs))
  struct PullPolicies {
    @Test("a pod that is restarted is made of what its tag means by then with \"always\", and of what is here without; status tells both")
    func restart() throws {
      let registry = try SignedRegistry()
      try withDaemon { daemon in
        let image = "\(registry.host)/app:v1"
        let policies = ["always", "if-not-present", "never"]
        #expect(try daemon.berth("image", "pull", image).exit == 0)
        for policy in policies {
          try daemon.drop(policy, ManifestText.of(container: "image_pull_policy = \"\(policy)\"", image: image))
          let pod = try daemon.pod(policy, "runs") { $0.container.state == "running" }
          #expect(pod.container.json["image_digest"]?.string == registry.digest)
        }
        // The same files under another manifest.
        let moved = try Command.run(
          "skopeo", ["copy", "-q", "-f", "v2s2", "--dest-tls-verify=false", ManifestText.imageReference(), "docker://\(image)"])
        #expect(moved.exit == 0, "\(moved)")
        for policy in policies {
          #expect(try daemon.berth("restart", policy).exit == 0)
          let digest = try daemon.pod(policy)?.container.json["image_digest"]?.string
          // What "always" found is what the tag means to those that come after it too.
          #expect(digest?.hasPrefix("sha256:") == true && digest != registry.digest, "\(policy): \(digest ?? "none")")
          let shown = try daemon.berth("status", policy).stdout
          #expect(shown.contains("\(image) (\(digest ?? "none"))"), "\(shown)")
        }
        #expect(try daemon.berth("events").stdout.split(separator: "\n").filter { $0.contains("Pulling default/always") }.count == 2)
        #expect(try !daemon.berth("events").stdout.contains("Pulling default/if-not-present"))
      }
    }

    @Test("a restart ends nothing that runs before its image can be had, and goes on once it can")
    func waiting() throws {
      let registry = try SignedRegistry()
      try withDaemon { daemon in
        let image = "\(registry.host)/app:v1"
        try daemon.drop("web", ManifestText.of(container: "image_pull_policy = \"always\"", image: image))
        let before = try daemon.pod("web", "runs") { $0.container.state == "running" }
        try registry.set(gone: true)
        let late = try daemon.berth("restart", "--timeout", "1s", "web")
        #expect(late.exit != 0 && late.stderr.contains("the new one doesn't run yet"), "\(late)")
        let waiting = try daemon.pod("web", "waits") { $0.message.hasPrefix("waiting: image \(image)") && $0.message.contains("GONE") }
        #expect(waiting.uid == before.uid && waiting.container.state == "running" && waiting.container.pid == before.container.pid)
        // Whoever asks again doesn't wait for the back-off.
        try registry.set(gone: false)
        #expect(try daemon.berth("restart", "web").exit == 0)
        let after = try daemon.pod("web", "runs anew") { $0.container.state == "running" }
        #expect(after.uid != before.uid)
      }
    }
  }
}
