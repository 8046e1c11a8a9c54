import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

extension Integration {
  @Suite("dead registries", .enabled(if: SignedRegistry.isPossible, SignedRegistry.needs))
  struct DeadRegistries {
    @Test("they hold up their own pods only: an archive's and another registry's start while all pulls from them stand still")
    func others() throws {
      let registry = try SignedRegistry()
      // The kernel takes the connections, and nobody reads what comes.
      let mute = try TCPListener("127.0.0.1", port: 0)
      try withDaemon { daemon in
        for number in 0..<4 {
          try daemon.drop("silent-\(number)", ManifestText.of(image: "\(registry.silent)/app:\(number)"))
          try daemon.drop("mute-\(number)", ManifestText.of(image: "127.0.0.1:\(mute.port)/app:\(number)"))
        }
        for number in 0..<4 {
          for name in ["silent-\(number)", "mute-\(number)"] {
            try daemon.pod(name, "waits for its image") { $0.container.message.hasPrefix("pulling image") }
          }
        }
        try daemon.drop("archive", ManifestText.of())
        try daemon.pod("archive", "runs") { $0.phase == "Running" }
        try daemon.drop("live", ManifestText.of(image: "\(registry.host)/app:v1"))
        try daemon.pod("live", "runs") { $0.phase == "Running" }
        // Not because the dead ones were given up.
        for number in 0..<4 {
          for name in ["silent-\(number)", "mute-\(number)"] {
            #expect(try daemon.pod(name)?.container.reason == "ContainerCreating", "\(name)")
          }
        }
        #expect(try !daemon.berth("events").stdout.contains("ErrImagePull"))
      }
    }
  }
}
