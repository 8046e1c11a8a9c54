import BerthArchive
import BerthCore
import BerthImages
import BerthOCI
import BerthStore

/// An image in a registry. Source: OCI distribution-spec "Pulling manifests", "Pulling blobs".
public final class RegistrySource: ImageSource {
  private let reference: RegistryReference
  private let registry: Registry
  private var scope: String { "repository:\(reference.repository):pull" }

  private static let documents = [MediaType.index, MediaType.dockerIndex, MediaType.manifest, MediaType.dockerManifest]

  public init(_ reference: RegistryReference, _ configuration: RegistryConfiguration) {
    self.reference = reference
    registry = Registry(reference.registry, configuration)
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    let wanted = reference.digest?.description ?? reference.tag ?? "latest"
    let answer: HTTPTransfer
    do throws(BerthError) { answer = try manifest(wanted) } catch {
      guard error.code == .notFound else { throw error }
      throw BerthError(.notFound, "resolve", reference.description, cause: "there is no such image: \(error.cause)")
    }
    let bytes = try answer.readAll(limit: ImageLimits.documentBytes)
    let digest = Digest.sha256(of: bytes)
    let announced = answer.headers["docker-content-digest"]?.first.flatMap { Digest($0) }
    if let expected = reference.digest ?? announced, expected != digest {
      throw BerthError(.dataLoss, "verify content", expected.description, cause: "digest mismatch: expected \(expected), got \(digest)")
    }
    let type = answer.headers["content-type"]?.first?.prefix { $0 != ";" }.trimmed
    return ImageDocument(mediaType: type.flatMap { Self.documents.contains($0) ? $0 : nil }, digest: digest, bytes: bytes)
  }

  private func manifest(_ reference: String) throws(BerthError) -> HTTPTransfer {
    try registry.get("/v2/\(self.reference.repository)/manifests/\(reference)", scope: scope, accept: Self.documents, timeout: 60_000)
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] {
    let isManifest = MediaType.isIndex(descriptor.mediaType) || MediaType.isManifest(descriptor.mediaType)
    let answer = isManifest ? try manifest(descriptor.digest.description) : try blob(descriptor.digest, timeout: 60_000)
    return try answer.readAll(limit: ImageLimits.documentBytes)
  }

  private func blob(_ digest: Digest, timeout: Int = 0) throws(BerthError) -> HTTPTransfer {
    try registry.get("/v2/\(reference.repository)/blobs/\(digest)", scope: scope, timeout: timeout)
  }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource { try blob(descriptor.digest) }
}
