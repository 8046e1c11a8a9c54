import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// An image is reported once its blobs are on stable storage. Its unpacked layers follow a moment later (`settle`), without anybody waiting
/// for the disk. If the power goes before, they are dropped at the next start and unpacked again from the blobs (`restore`): no
/// registry or archive is asked, and nobody has to do anything.
extension ImageService {
  /// Calls `body` whenever a pull or an import has unpacked layers, which are to be settled then.
  public func whenUnpacked(_ body: @escaping @Sendable () -> Void) { unpackedListener.withLock { $0 = body } }

  func noteUnpacked() { unpackedListener.withLock { $0 }?() }

  /// Puts layers whose durability is pending on stable storage. Takes as long as the disk does. Throws `unavailable` if it fails to write:
  /// what of them is in memory goes on to be used, and they are unpacked again after the next reboot.
  public func settle() throws(BerthError) {
    let pending = try metadata.pendingLayers()
    guard !pending.isEmpty else { return }
    do throws(Errno) { try TreeFiles.syncFileSystem(layersFolder) } catch {
      // Where not even that can be written, they go on pending, which means the same to the next boot.
      try? metadata.setDurability(.failed, of: pending)
      throw BerthError(
        .unavailable, "write layers", "\(root)/snapshots/l",
        cause: "\(error); files of the images pulled last may be damaged: see to the disk, then remove, prune and pull them again")
    }
    try metadata.setDurability(.durable, of: pending)
  }

  /// Images that miss layers but no blob.
  public func restorable() throws(BerthError) -> [ImageRecord] {
    var found: [ImageRecord] = []
    for record in try metadata.images() {
      if try load(record) == nil, try hasBlobs(record) { found.append(record) }
    }
    return found
  }

  private func hasBlobs(_ record: ImageRecord) throws(BerthError) -> Bool {
    guard let bytes = try content.read(record.manifest),
      let manifest = try? Manifest(parsing: bytes, mediaType: record.mediaType.isEmpty ? nil : record.mediaType)
    else { return false }
    return ([manifest.config] + manifest.layers).allSatisfy { content.contains($0.digest, size: $0.size) }
  }

  /// Unpacks what the image misses from its blobs. Throws what a pull throws, `notFound` for a blob that turns out damaged.
  public func restore(_ record: ImageRecord) throws(BerthError) {
    // One that shares its layers may have brought them back.
    if try load(record) != nil { return }
    let reference = try ImageReference(record.reference)
    _ = try PullSession(self, reference, try waitedFor(reference), stored: record).run()
  }
}
