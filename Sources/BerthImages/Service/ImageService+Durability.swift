import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// An image is reported once its blobs are on stable storage. Its unpacked layers follow a moment later (`settle`), without anybody waiting
/// for the disk. If the power goes before, they are dropped at the next start and unpacked again from the blobs (`restore`): no
/// registry or archive is asked, and nobody has to do anything.
extension ImageService {
  struct Settling {
    /// Unpacked by this process and not settled yet. What another one has left stays as it is until the next boot: a write that failed may
    /// have been told to that one.
    var pending: Set<Int64> = []
    /// The disk failed to write something. Whose it was isn't told, and it may be what is unpacked just now: nothing is settled any more.
    var hasFailed = false
    /// One at a time: who is told of a failed write is told once.
    var isBusy = false
  }

  /// Calls `body` whenever a pull or an import has unpacked layers, which are to be settled then.
  public func whenUnpacked(_ body: @escaping @Sendable () -> Void) { unpackedListener.withLock { $0 = body } }

  func noteUnpacked(_ layers: Set<Int64>) {
    guard !layers.isEmpty else { return }
    settling.with { $0.pending.formUnion(layers) }
    unpackedListener.withLock { $0 }?()
  }

  /// Puts the layers that this process has unpacked on stable storage. Takes as long as the disk does. Throws `unavailable` once if that
  /// fails to write: what is in memory goes on to be used, and the next boot unpacks it again.
  public func settle() throws(BerthError) {
    let layers = settling.wait { state -> Set<Int64>? in
      guard !state.isBusy else { return nil }
      state.isBusy = true
      return state.hasFailed ? [] : state.pending
    }
    defer { settling.with { $0.isBusy = false } }
    guard !layers.isEmpty else { return }
    do throws(Errno) { try TreeFiles.syncFileSystem(layersFolder) } catch {
      settling.with { $0.hasFailed = true }
      throw BerthError(
        .unavailable, "write layers", "\(root)/snapshots/l",
        cause: "\(error); files of the images pulled last may be damaged: see to the disk, then reboot, which has them unpacked again")
    }
    // What can't be written down, on a full disk, stays pending.
    guard (try? metadata.setDurable(layers)) != nil else { return }
    settling.with { $0.pending.subtract(layers) }
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
    guard let manifest = try manifest(of: record) else { return false }
    return ([manifest.config] + manifest.layers).allSatisfy { content.contains($0.digest, size: $0.size) }
  }

  /// Unpacks what the image misses from its blobs. False if it misses nothing: one that shares its layers has brought them back. Throws what
  /// a pull throws, `notFound` for a blob that turns out damaged; where it came out of a bundle, that is read again then.
  public func restore(_ record: ImageRecord) throws(BerthError) -> Bool {
    if try load(record) != nil { return false }
    // By its digest, so that only the store is looked at: where it came from may be gone, or have another by that name.
    let reference = ImageReference.digest(record.manifest)
    do throws(BerthError) { _ = try PullSession(self, reference, try waitedFor(reference), known: record).run() } catch {
      if record.isPinned { try forgetBundles() }
      throw error
    }
    return true
  }
}
