import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// An image is reported once its blobs are on stable storage. Its unpacked layers follow a moment later (`settle`), without anybody waiting
/// for the disk. If the power goes before, they are dropped at the next start and unpacked again from the blobs (`restore`): no
/// registry or archive is asked, and nobody has to do anything.
extension ImageService {
  /// One at a time: who is told of a failed write is told once.
  final class Settling: Sendable {
    struct State {
      /// The disk failed to write something since this process started. Whose it was isn't told, and it may be what is unpacked just now:
      /// nothing becomes durable any more in this boot.
      var hasFailed = false
      var isBusy = false
    }
    let state = Monitor(State())
    /// Held open from the start: a write that fails later is told to the descriptors that were open then.
    let folder: FD

    init(_ path: String) throws(Errno) { folder = try Files.open(path, ContentFlags.directory) }
  }

  /// Calls `body` whenever a pull or an import has unpacked layers, which are to be settled then.
  public func whenUnpacked(_ body: @escaping @Sendable () -> Void) { unpackedListener.withLock { $0 = body } }

  func noteUnpacked() { unpackedListener.withLock { $0 }?() }

  /// Puts layers whose durability is pending on stable storage. Takes as long as the disk does. Throws `unavailable` once if that fails to
  /// write: what is in memory goes on to be used by those who have it, the next pull unpacks it again, and so does the next boot.
  public func settle() throws(BerthError) {
    settling.state.wait { state -> Void? in
      guard !state.isBusy else { return nil }
      state.isBusy = true
      return ()
    }
    defer { settling.state.with { $0.isBusy = false } }
    let hasFailed = settling.state.with { $0.hasFailed }
    let pending = try metadata.pendingLayers()
    guard !pending.isEmpty, !hasFailed, try !metadata.hasFailedLayers() else { return }
    do throws(Errno) { try TreeFiles.syncFileSystem(settling.folder) } catch {
      settling.state.with { $0.hasFailed = true }
      // Where not even that can be written, they go on pending, which means the same to the next boot.
      try? reserve.withRoom { () throws(BerthError) in try metadata.setFailed(pending) }
      throw BerthError(
        .unavailable, "write layers", "\(root)/snapshots/l",
        cause: "\(error); files of the images pulled last may be damaged: see to the disk, then pull them again")
    }
    try reserve.withRoom { () throws(BerthError) in try metadata.setDurable(pending) }
  }

  /// Whether a pull may count on the layer.
  func isWhole(_ layer: LayerRecord) -> Bool {
    if case .failed = layer.durability { return false }
    return Files.exists(directory(layer.id))
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

  /// Unpacks what the image misses from its blobs. False if it misses nothing: one that shares its layers has brought them back. Throws what
  /// a pull throws, `notFound` for a blob that turns out damaged; where it came out of a bundle, that is read again then.
  public func restore(_ record: ImageRecord) throws(BerthError) -> Bool {
    if try load(record) != nil { return false }
    let reference = try ImageReference(record.reference)
    do throws(BerthError) { _ = try PullSession(self, reference, try waitedFor(reference), stored: record).run() } catch {
      if record.isPinned { try forgetBundles() }
      throw error
    }
    return true
  }
}
