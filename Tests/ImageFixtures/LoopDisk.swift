import BerthLinux
import Glibc

/// An ext4 in a loop device over a file in memory.
public final class LoopDisk: Sendable {
  public static var isPossible: Bool {
    geteuid() == 0 && ["/dev/loop-control", "/usr/sbin/mkfs.ext4", "/usr/sbin/losetup"].allSatisfy { Files.exists($0) }
  }

  private let directory: TemporaryDirectory
  private let device: String
  /// Where it is mounted.
  public var path: String { directory("disk") }

  /// Writes fail once the file takes more than `room`.
  public init(megabytes: Int, room: Int) throws {
    directory = try TemporaryDirectory()
    for name in ["below", "disk"] { try Files.makeDirectory(directory(name)) }
    let (below, file) = (directory("below"), directory("below/file"))
    try call { mount("tmpfs", below, "tmpfs", 0, "size=\(room)m,mode=700") }
    do {
      try Self.run("/usr/bin/truncate", "-s", "\(megabytes)M", file)
      try Self.run("/usr/sbin/mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", "-J", "size=4", file)
      device = try Self.run("/usr/sbin/losetup", "--find", "--show", file).filter { $0 != "\n" }
    } catch {
      umount2(below, Int32(MNT_DETACH))
      throw error
    }
    let (source, target) = (device, path)
    try call { mount(source, target, "ext4", 0, nil) }
  }

  deinit {
    umount2(path, Int32(MNT_DETACH))
    _ = try? Self.run("/usr/sbin/losetup", "--detach", device)
    umount2(directory("below"), Int32(MNT_DETACH))
  }

  @discardableResult
  private static func run(_ words: String...) throws -> String {
    let outcome = try Command.run(words)
    guard outcome.succeeded else { throw Failure(description: "\(words): \(outcome.output)") }
    return outcome.output
  }

  private struct Failure: Error, CustomStringConvertible { let description: String }
}
