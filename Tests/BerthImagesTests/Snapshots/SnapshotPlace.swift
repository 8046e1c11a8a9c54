import BerthCore
import BerthImages
import BerthLinux
import Glibc
import ImageFixtures
import Testing

/// A store that the snapshotters' contract is held against, with one kind of file system below it.
final class SnapshotPlace {
  enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case overlay = "overlayfs"
    case copy = "copying where overlayfs would work"
    case copyAlone = "copying on a file system without whiteouts"
    var testDescription: String { rawValue }
  }

  let kind: Kind
  let directory: TemporaryDirectory
  let fixture: ImageFixture
  private var mounts: [String] = []
  var service: ImageService { fixture.service }

  init(_ kind: Kind) throws {
    self.kind = kind
    directory = try TemporaryDirectory()
    // On overlayfs another one can't be written, nor whiteouts be made: what a daemon in a container finds.
    let nested = directory("nested")
    if kind == .copyAlone {
      for name in ["lower", "upper", "work", "nested"] { try Files.makeDirectory(directory(name)) }
      try Self.overlay(at: nested, lower: [directory("lower")], upper: directory("upper"), work: directory("work"))
      mounts.append(nested)
    }
    do {
      fixture = try ImageFixture(
        in: directory, root: kind == .copyAlone ? "nested/root" : "root", snapshotter: kind == .copy ? .copy : .automatic)
    } catch {
      umount2(nested, Int32(MNT_DETACH))
      throw error
    }
  }

  deinit { for path in mounts.reversed() { umount2(path, Int32(MNT_DETACH)) } }

  /// As after a restart of the daemon.
  func reopened() throws -> ImageService {
    try ImageService(
      root: kind == .copyAlone ? directory("nested/root") : directory("root"), workerPath: ImageFixture.worker,
      registry: RegistryConfiguration(), snapshotter: kind == .copy ? .copy : .automatic)
  }

  /// Where the snapshot's files are to be seen, as its container would.
  func show(_ snapshot: SnapshotMount) throws -> String {
    switch snapshot {
    case .directory(let path): return path
    case .overlay(let lower, let upper, let work): return try stack { try Self.overlay(at: $0, lower: lower, upper: upper, work: work) }
    }
  }

  func show(_ tree: ImageTree) throws -> String {
    switch tree {
    case .directory(let path): return path
    case .layers(let layers): return try stack { try Self.overlay(at: $0, lower: layers) }
    }
  }

  /// Ends what `show` has mounted last, if it has.
  func hide() {
    guard mounts.count > (kind == .copyAlone ? 1 : 0), let path = mounts.popLast() else { return }
    umount2(path, Int32(MNT_DETACH))
  }

  private func stack(_ mount: (String) throws -> Void) throws -> String {
    let path = directory("mount-\(mounts.count)")
    try Files.makeDirectory(path)
    try mount(path)
    mounts.append(path)
    return path
  }

  private static func overlay(at path: String, lower: [String], upper: String? = nil, work: String? = nil) throws {
    var options = "lowerdir=\(lower.joined(separator: ":"))"
    if let upper, let work { options += ",upperdir=\(upper),workdir=\(work)" }
    try call { mount("overlay", path, "overlay", 0, options) }
  }
}
