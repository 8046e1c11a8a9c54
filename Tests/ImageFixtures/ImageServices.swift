import BerthCore
import BerthImages
import BerthLinux

/// A whole image service in a directory of its own.
public final class ImageFixture: Sendable {
  public let directory: TemporaryDirectory
  public let service: ImageService

  public convenience init(registry: RegistryConfiguration = RegistryConfiguration(), worker: String = ImageFixture.worker) throws {
    try self.init(in: try TemporaryDirectory(), registry: registry, worker: worker)
  }

  /// `root`: the store's, below `directory`.
  public init(
    in directory: TemporaryDirectory, root: String = "root", registry: RegistryConfiguration = RegistryConfiguration(),
    snapshotter: Snapshotter.Choice = .automatic, worker: String = ImageFixture.worker
  ) throws {
    self.directory = directory
    service = try ImageService(root: directory(root), workerPath: worker, registry: registry, snapshotter: snapshotter)
  }

  /// berth-worker beside this test's own executable.
  public static var worker: String {
    let here = (try? Files.readLink("/proc/self/exe")).map { Files.parent(of: $0) } ?? "."
    return "\(here)/berth-worker"
  }

  /// A new service over the same root, as after a restart of the daemon; with an ID of another `boot`, of the node.
  public func reopened(registry: RegistryConfiguration = RegistryConfiguration(), boot: String? = nil) throws -> ImageService {
    try ImageService(root: directory("root"), workerPath: Self.worker, registry: registry, boot: boot)
  }

  public func pull(_ reference: String) throws -> Image { try service.pull(try ImageReference(reference)) }

  /// What pulling it fails with; nil if it doesn't.
  public func failure(_ reference: String) throws -> BerthError? {
    do throws(BerthError) {
      _ = try service.pull(try ImageReference(reference))
      return nil
    } catch { return error }
  }
}
