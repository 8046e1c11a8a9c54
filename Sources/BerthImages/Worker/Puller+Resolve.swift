import BerthCore
import BerthOCI
import BerthStore

extension Puller {
  /// Follows indexes down to a manifest for this node's platform, and reads its config. Every document goes into the store.
  func resolve() throws(BerthError) -> Resolution {
    var document = try source.resolve()
    var seen: Set<Digest> = []
    var descriptors = 0
    var first: Digest?
    var subject: Descriptor?
    for _ in 0..<ImageLimits.depth {
      guard seen.insert(document.digest).inserted else { throw Self.unusable(document, "the index leads back to itself") }
      try verify(document)
      let isIndex = try isIndex(document)
      let named =
        subject
        ?? Descriptor(
          mediaType: document.mediaType ?? (isIndex ? MediaType.index : MediaType.manifest), digest: document.digest,
          size: Int64(document.bytes.count))
      subject = named
      guard isIndex else { return try image(document, index: first, subject: named) }
      first = first ?? document.digest
      let index: Index
      do throws(ImageFormatError) { index = try Index(parsing: document.bytes, mediaType: document.mediaType) } catch {
        throw .unusable("read index", document.digest.description, error)
      }
      descriptors += index.manifests.count
      guard descriptors <= ImageLimits.descriptors else {
        throw Self.unusable(document, "it has more than \(ImageLimits.descriptors) descriptors")
      }
      document = try fetch(try choose(index, document))
    }
    throw Self.unusable(document, "indexes are nested deeper than \(ImageLimits.depth)")
  }

  private static func unusable(_ document: ImageDocument, _ cause: String) -> BerthError {
    BerthError(.dataLoss, "read index", document.digest.description, cause: cause)
  }

  private func verify(_ document: ImageDocument) throws(BerthError) {
    try ContentCheck.verify(
      digest: .sha256(of: document.bytes), size: Int64(document.bytes.count), against: document.digest, Int64(document.bytes.count))
    staging.add(try store.stage(document.bytes, digest: document.digest))
  }

  /// By what it was announced as; by its own members where nothing announced it.
  private func isIndex(_ document: ImageDocument) throws(BerthError) -> Bool {
    if let type = document.mediaType {
      if MediaType.isIndex(type) { return true }
      if MediaType.isManifest(type) { return false }
      throw BerthError(.unsupported, "read manifest", document.digest.description, cause: "media type \(type) is no image")
    }
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: document.bytes) } catch {
      throw BerthError(.dataLoss, "read manifest", document.digest.description, cause: "not valid JSON: \(error)")
    }
    return json["manifests"] != nil
  }

  private func choose(_ index: Index, _ document: ImageDocument) throws(BerthError) -> Descriptor {
    if let best = index.candidates(for: platform).first { return best }
    let others = Set(index.platforms).sorted().joined(separator: ", ")
    throw BerthError(
      .failedPrecondition, "choose platform", document.digest.description,
      cause: "there is no image for \(platform): \(others.isEmpty ? "the index holds none at all" : "there are \(others)")")
  }

  private func fetch(_ descriptor: Descriptor) throws(BerthError) -> ImageDocument {
    guard descriptor.size <= Int64(ImageLimits.documentBytes) else {
      throw BerthError(
        .dataLoss, "read manifest", descriptor.digest.description, cause: "it is larger than \(ImageLimits.documentBytes) bytes")
    }
    let stored = try store.read(descriptor.digest, limit: ImageLimits.documentBytes)
    let bytes = if let stored { stored } else { try source.document(descriptor) }
    try ContentCheck.verify(digest: .sha256(of: bytes), size: Int64(bytes.count), against: descriptor.digest, descriptor.size)
    return ImageDocument(mediaType: descriptor.mediaType, digest: descriptor.digest, bytes: bytes)
  }

  private func image(_ document: ImageDocument, index: Digest?, subject named: Descriptor) throws(BerthError) -> Resolution {
    let subject = document.digest.description
    let manifest: Manifest
    do throws(ImageFormatError) { manifest = try Manifest(parsing: document.bytes, mediaType: document.mediaType) } catch {
      throw .unusable("read manifest", subject, error)
    }
    let bytes = try fetch(manifest.config).bytes
    staging.add(try store.stage(bytes, digest: manifest.config.digest))
    let config: ImageConfig
    do throws(ImageFormatError) { config = try ImageConfig(parsing: bytes) } catch { throw .unusable("read image config", subject, error) }
    guard config.diffIDs.count == manifest.layers.count else {
      throw .unusable(
        "read manifest", subject, ImageFormatError("it has \(manifest.layers.count) layers, its config \(config.diffIDs.count)"))
    }
    let isNamed = !config.platform.architecture.isEmpty && !config.platform.os.isEmpty
    guard !isNamed || config.platform.runs(on: platform) else {
      throw BerthError(
        .failedPrecondition, "choose platform", subject, cause: "the image is for \(config.platform), this node is \(platform)")
    }
    var total: Int64 = 0
    for layer in manifest.layers {
      let (sum, overflow) = total.addingReportingOverflow(layer.size)
      guard !overflow, sum <= ImageLimits.blobBytes else {
        throw .unusable("read manifest", subject, ImageFormatError("its layers are too large"))
      }
      total = sum
    }
    return Resolution(manifest: manifest, digest: document.digest, index: index, config: config, subject: named)
  }
}
