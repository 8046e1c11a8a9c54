import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

extension ImageService {
  /// Blobs larger than this are sent in parts.
  public static let pushChunk: Int64 = 64 << 20

  /// What was pushed.
  public struct PushedImage: Sendable, Hashable {
    /// Of the manifest, here and there.
    public var digest: Digest
    /// The one platform that the store has of it.
    public var platform: String
    /// Other platforms that the index names by which it was pulled. They aren't in the store, so neither they nor the index are pushed.
    public var leftOut: [String]
  }

  /// Takes the image that `reference` names here to the registry that it names, in a berth-worker of its own. Of an image for several
  /// platforms the store has this node's, and that is what is pushed. `progress` is called from this thread.
  public func push(
    _ reference: ImageReference, chunk: Int64 = ImageService.pushChunk, progress: (PullEvent) -> Void = { _ in }
  ) throws(BerthError) -> PushedImage {
    let key = reference.description
    guard case .registry(let name) = reference else {
      throw BerthError(.invalidArgument, "push image", key, cause: "it names no registry; give the image such a name with berth image tag")
    }
    // Whatever the policy is: an image is pushed before it is signed.
    guard let record = try metadata.image(key), let image = try load(record) else {
      throw BerthError(.notFound, "push image", key, cause: "it is not in the store; berth image tag gives an image a further name")
    }
    // No blob of it may go meanwhile, whatever becomes of the name.
    let lease = "push-\(UInt64.random(in: 0 ... .max))"
    try metadata.addLease(LeaseRecord(id: lease, kind: .export, subject: key, created: Clock.wallNanoseconds()), [.image(image.digest)])
    defer { try? metadata.removeLease(lease) }
    let errand = WorkerErrand.push(
      reference: key, manifest: image.digest, content: content.root, mounts: try mounts(of: image, to: name), chunk: chunk)
    var worker = WorkerProcess(workerPath, operation: "push image", subject: key)
    do throws(BerthError) {
      try worker.run(errand.json(try registry.access(registry: name.registry))) { (message, _) throws(BerthError) in
        switch message {
        case .resolved(let resolved): progress(.resolved(manifest: resolved.manifest, layers: resolved.layers.map { ($0.digest, $0.size) }))
        case .progress(let layer, let done, let total): progress(.progress(layer: layer, done: done, total: total))
        case .finished: return true
        default: throw WorkerProtocol.malformed("a message that belongs to no push")
        }
        return false
      }
    } catch { throw error.of("push image", key) }
    return PushedImage(digest: image.digest, platform: "\(image.config.platform)", leftOut: try otherPlatforms(of: image))
  }

  private func otherPlatforms(of image: Image) throws(BerthError) -> [String] {
    guard let digest = image.indexDigest, let bytes = try content.read(digest),
      let index = try? Index(parsing: bytes, mediaType: nil)
    else { return [] }
    // Attestations and the like say "unknown".
    return index.manifests.filter { $0.digest != image.digest }.compactMap { $0.platform?.description }.filter { !$0.contains("unknown") }
  }

  /// Other repositories of the same registry that have some of the image's blobs, as far as this node knows.
  private func mounts(of image: Image, to target: RegistryReference) throws(BerthError) -> [Digest: String] {
    let wanted = Set(try blobs(of: image.digest))
    var mounts: [Digest: String] = [:]
    for record in try metadata.images() {
      guard case .registry(let other)? = try? ImageReference(record.reference), other.registry == target.registry,
        other.repository != target.repository
      else { continue }
      for digest in try blobs(of: record.manifest) where wanted.contains(digest) { mounts[digest] = other.repository }
    }
    return mounts
  }

  private func blobs(of manifest: Digest) throws(BerthError) -> [Digest] {
    guard let bytes = try content.read(manifest), let parsed = try? Manifest(parsing: bytes, mediaType: nil) else { return [] }
    return [parsed.config.digest] + parsed.layers.map(\.digest)
  }
}
