import BerthCore
import BerthLinux
import Glibc

/// The busybox image that tests run: the one `BERTH_EXAMPLE_IMAGE` names, else made once a test run by berth-worker.
public enum ExampleImage {
  /// The OCI archive's path. Throws where Debian's busybox-static is missing.
  public static func archive() throws -> String {
    switch made {
    case .success(let image): return image.path
    case .failure(let failure): throw failure
    }
  }

  private struct Image: Sendable {
    var path: String
    /// Keeps a directory made here alive as long as the test run.
    var directory: TemporaryDirectory?
  }

  private static let made: Result<Image, TestFailure> = {
    do { return .success(try make()) } catch { return .failure(TestFailure("the example image: \(error)")) }
  }()

  private static func make() throws -> Image {
    if let given = getenv("BERTH_EXAMPLE_IMAGE") { return Image(path: String(cString: given)) }
    let directory = try TemporaryDirectory("image")
    let archive = "\(directory.path)/example.tar"
    try build(rootfs: "\(directory.path)/rootfs", archive: archive)
    return Image(path: archive, directory: directory)
  }

  /// Writes an OCI archive of busybox with all its applets.
  public static func build(rootfs: String, archive: String, command: String = "[\"/bin/sh\"]") throws {
    for name in ["bin", "dev", "etc", "proc", "root", "srv/www", "sys", "tmp", "var/log"] {
      try Files.makeDirectories("\(rootfs)/\(name)", mode: 0o755)
    }
    guard chmod("\(rootfs)/tmp", 0o1777) == 0 else { throw Errno.current }
    let busybox = try Command.locate("busybox")
    try ProgramFile.copy(busybox, to: "\(rootfs)/bin/busybox")
    let applets = try Command.run(busybox, ["--list"]).stdout
    for applet in applets.split(separator: "\n") where applet != "busybox" { symlink("busybox", "\(rootfs)/bin/\(applet)") }
    let users = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/:/bin/sh\n"
    try Files.writeAtomically(Array(users.utf8), to: "\(rootfs)/etc/passwd", mode: 0o644)
    try Files.writeAtomically(Array("root:x:0:\nguest:x:1000:\n".utf8), to: "\(rootfs)/etc/group", mode: 0o644)
    let result = try Command.run(
      Binaries.worker,
      [
        "make-image", "--rootfs", rootfs, "--output", archive, "--ref", "localhost/busybox:latest", "--cmd", command, "--env",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      ])
    guard result.exit == 0 else { throw TestFailure("\(result)") }
  }
}
