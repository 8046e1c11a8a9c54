import BerthArchive
import BerthCore
import BerthOCI
import BerthStore

/// An image whose documents and layers are blobs of the content store.
public struct StoredImage: Sendable, Equatable {
  public var manifest: Digest
  /// What the manifest was announced as; empty where nothing announced it.
  public var mediaType: String

  public init(manifest: Digest, mediaType: String) {
    self.manifest = manifest
    self.mediaType = mediaType
  }
}

/// A stored image as the source of its own layers. The puller takes what is in the store from there by itself: what it asks for here is
/// missing.
public final class StoredSource: ImageSource {
  private let image: StoredImage
  private let store: ContentStore

  public init(_ image: StoredImage, _ store: ContentStore) {
    self.image = image
    self.store = store
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    guard let bytes = try store.read(image.manifest, limit: ImageLimits.documentBytes) else { throw missing(image.manifest) }
    return ImageDocument(mediaType: image.mediaType.isEmpty ? nil : image.mediaType, digest: image.manifest, bytes: bytes)
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] { throw missing(descriptor.digest) }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource { throw missing(descriptor.digest) }

  private func missing(_ digest: Digest) -> BerthError {
    BerthError(.notFound, "read content", digest.description, cause: "it is missing or damaged in the store")
  }
}
