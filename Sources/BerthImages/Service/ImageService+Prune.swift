import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

extension ImageService {
  /// Removes layers and blobs that no image and no snapshot needs. Returns the bytes of the layers' files that went.
  ///
  /// What is needed is read from the database and the snapshots' directories alone. No pull is under way while it runs: it waits for
  /// those that are, and those that come wait for it. Against a snapshot being made there is no lock but an order: here a layer is
  /// marked as going before the snapshots are read, there a snapshot names its image before it looks for marks.
  @discardableResult
  public func prune() throws(BerthError) -> Int64 {
    layers.wait { use -> Void? in
      guard use.pulls == 0, !use.isPruning else { return nil }
      use.isPruning = true
      return ()
    }
    defer { layers.with { $0.isPruning = false } }
    let candidates = try metadata.layers()
    let images = Set(try metadata.images().flatMap { [$0.manifest] + ($0.index.map { [$0] } ?? []) })
      .union(try metadata.leasedImages())
    let needed = try reachable(from: images).chains
    let going = Set(candidates.map(\.chain)).subtracting(needed)
    layers.with { $0.pruned.formUnion(going) }
    let (blobs, chains) = try reachable(from: images.union(snapshotImages()))
    layers.with { $0.pruned.subtract(chains) }
    for blob in try content.blobs() where !blobs.contains(blob) { try content.remove(blob) }
    var freed: Int64 = 0
    for layer in candidates where !chains.contains(layer.chain) {
      try metadata.removeLayer(layer.id)
      removeTree("\(root)/snapshots/l", "\(layer.id)")
      freed = freed.addingReportingOverflow(layer.size).partialValue
    }
    return freed
  }

  /// The manifests that snapshots were made for.
  func snapshotImages() -> Set<Digest> { Set(snapshotKeys().compactMap(snapshotImage)) }

  /// The manifest that a snapshot was made for; nil if there is no such snapshot.
  func snapshotImage(_ key: String) -> Digest? {
    guard let directory = try? Files.open("\(root)/snapshots/active/\(key)", ContentFlags.directory),
      let value = (try? TreeFiles.attribute(directory, Self.imageAttribute)) ?? nil
    else { return nil }
    return Digest(String(decoding: value, as: UTF8.self))
  }

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
