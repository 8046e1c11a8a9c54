import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

extension ImageService {
  /// Removes layers and blobs that no image, no snapshot and no lease needs. Returns the bytes that went.
  ///
  /// What is needed is read from the database and the snapshots' directories alone. Pulls go on meanwhile: their leases keep the layers
  /// that they count on and the blobs that they have looked at; only for the moment in which one makes its image known, the two wait
  /// for each other. Against a snapshot being made there is no lock but an order: here a layer is marked as going before the snapshots are
  /// read, there a snapshot names its image before it looks for marks.
  @discardableResult
  public func prune() throws(BerthError) -> Int64 {
    defer { reserve.fill() }
    let going = try reserve.withRoom { () throws(BerthError) in try markAndForget() }
    for layer in going.layers { removeTree("\(root)/snapshots/l", "\(layer)") }
    return going.bytes
  }

  private struct Going {
    var layers: [Int64] = []
    var bytes: Int64 = 0
  }

  /// All but the removal of the layers' files, which nobody finds any more after it.
  private func markAndForget() throws(BerthError) -> Going {
    layers.wait { use -> Void? in
      guard use.recording == 0, !use.isPruning else { return nil }
      use.isPruning = true
      return ()
    }
    defer { layers.with { $0.isPruning = false } }
    // Before anything is marked: what a pull looks at from now on is younger than its lease.
    let oldestLease = try metadata.leases(.pull).first?.created
    let candidates = try metadata.layers().filter(\.isReady)
    let images = Set(try metadata.images().flatMap { [$0.manifest] + ($0.index.map { [$0] } ?? []) })
      .union(try metadata.leasedImages())
    let needed = try reachable(from: images).chains
    layers.with { $0.pruned.formUnion(Set(candidates.map(\.chain)).subtracting(needed)) }
    let (blobs, chains) = try reachable(from: images.union(snapshotImages()))
    layers.with { $0.pruned.subtract(chains) }
    removeViews(but: chains)
    var going = Going()
    for blob in try content.blobs() where !blobs.contains(blob) {
      going.bytes &+= try content.remove(blob, unlessUsedSince: oldestLease) ?? 0
    }
    for layer in candidates where !chains.contains(layer.chain) {
      // Not one that a pull counts on: its lease and this are steps of one database.
      guard try metadata.removeUnleasedLayer(layer.id) else {
        layers.with { _ = $0.pruned.remove(layer.chain) }
        continue
      }
      going.layers.append(layer.id)
      going.bytes &+= layer.size
    }
    return going
  }

  /// The manifests that snapshots were made for.
  func snapshotImages() -> Set<Digest> { Set(snapshotKeys().compactMap(snapshotImage)) }

  /// The blobs and chain IDs that the given manifests and indexes lead to.
  private func reachable(from manifests: Set<Digest>) throws(BerthError) -> (blobs: Set<Digest>, chains: Set<Digest>) {
    var blobs = manifests
    var chains: Set<Digest> = []
    for digest in manifests {
      guard let bytes = try content.read(digest), let manifest = try? Manifest(parsing: bytes, mediaType: nil) else { continue }
      blobs.insert(manifest.config.digest)
      blobs.formUnion(manifest.layers.map(\.digest))
      guard let configBytes = try content.read(manifest.config.digest), let config = try? ImageConfig(parsing: configBytes) else {
        continue
      }
      chains.formUnion(Digest.chains(config.diffIDs))
    }
    return (blobs, chains)
  }
}
