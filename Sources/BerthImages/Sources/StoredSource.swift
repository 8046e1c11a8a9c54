import BerthArchive
import BerthCore
import BerthOCI
import BerthStore

/// An image whose documents and layers are blobs of the content store, as the source of its own layers. The puller takes what is in the store
/// from there by itself: what it asks for here is missing.
public final class StoredSource: ImageSource {
  private let manifest: Digest
  private let store: ContentStore

  public init(_ manifest: Digest, _ store: ContentStore) {
    self.manifest = manifest
    self.store = store
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    guard let bytes = try store.read(manifest, limit: ImageLimits.documentBytes) else { throw missing(manifest) }
    return ImageDocument(mediaType: nil, digest: manifest, bytes: bytes)
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] { throw missing(descriptor.digest) }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource { throw missing(descriptor.digest) }

  private func missing(_ digest: Digest) -> BerthError {
    BerthError(.notFound, "read content", digest.description, cause: "it is missing or damaged in the store")
  }
}
