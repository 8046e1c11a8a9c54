import BerthLinux
import BerthTestSupport
import Testing

/// What a power cut is played with.
private enum PowerTools {
  static let script = Files.parent(of: Files.parent(of: Files.parent(of: #filePath))) + "/scripts/test-power"

  static var exist: Bool {
    ["/usr/bin/qemu-storage-daemon", "/dev/fuse", "/dev/loop-control", "/usr/sbin/mkfs.ext4"].allSatisfy { Files.exists($0) }
  }
}

extension Integration {
  @Suite("power cuts")
  struct Power {
    @Test(
      "what was reported done survives, visible blobs have their digests, nobody is needed; without fsync the same test fails",
      .enabled(if: Binaries.isRoot && PowerTools.exist, "needs root, qemu-storage-daemon, FUSE and loop devices"))
    func cuts() throws {
      // A mount namespace of its own: it preloads a library into all programs that it starts.
      let run = try Command.run(
        "/usr/bin/env", ["POWER_BINARIES=\(Binaries.directory)", "POWER_CUTS=12", "unshare", "-m", PowerTools.script, "inside"],
        deadline: .seconds(600))
      #expect(run.exit == 0, "\(run.stdout)\n\(run.stderr)")
    }
  }
}
