import BerthCore
import BerthOCI
import BerthStore

/// Choosing an image from a layout's `index.json`. Source: OCI image-spec image-layout.md.
enum LayoutIndex {
  /// What the entry is called, by the annotations that tools write.
  static func names(of descriptor: Descriptor) -> [String] {
    ["org.opencontainers.image.ref.name", "io.containerd.image.name"].compactMap { descriptor.annotations[$0] }
  }

  /// The full names that the entry claims for itself. A lone tag, which is all that many tools write, is none.
  static func claimedNames(of descriptor: Descriptor) -> [String] {
    if let name = descriptor.annotations["io.containerd.image.name"] { return [name] }
    guard let name = descriptor.annotations["org.opencontainers.image.ref.name"], name.contains(where: { $0 == ":" || $0 == "/" }) else {
      return []
    }
    return [name]
  }

  /// What an import can choose from: one entry an image, or the whole index where that is one image for several platforms.
  static func listing(indexBytes: [UInt8], subject: String) throws(BerthError) -> [ArchiveListing.Entry] {
    let index: Index
    do throws(ImageFormatError) { index = try Index(parsing: indexBytes, mediaType: nil) } catch {
      throw .unusable("read image layout", subject, ImageFormatError("index.json: \(error)"))
    }
    let images = index.manifests.filter { MediaType.isIndex($0.mediaType) || MediaType.isManifest($0.mediaType) }
    if images.count > 1, images.flatMap(names).isEmpty, isOneImage(images) {
      return [ArchiveListing.Entry(selector: nil, names: [])]
    }
    return images.enumerated().map { at, image in
      let names = claimedNames(of: image)
      let tag = image.annotations["org.opencontainers.image.ref.name"]
      return ArchiveListing.Entry(selector: "@\(at)", names: names, tag: tag.flatMap { names.contains($0) ? nil : $0 })
    }
  }

  /// Whether the entries are one image for several platforms: no two are for the same.
  private static func isOneImage(_ images: [Descriptor]) -> Bool {
    // Attestations have no platform that is one.
    let platforms = images.compactMap { $0.platform?.description }.filter { !$0.contains("unknown") }
    return !platforms.isEmpty && Set(platforms).count == platforms.count
  }

  enum Choice {
    case entry(Descriptor)
    /// Several entries for several platforms: `index.json` is itself the index.
    case wholeIndex
  }

  static func choose(_ index: Index, tag: String?, subject: String) throws(BerthError) -> Choice {
    let images = index.manifests.filter { MediaType.isIndex($0.mediaType) || MediaType.isManifest($0.mediaType) }
    let known = Set(images.flatMap(names)).sorted()
    let offer = known.isEmpty ? "none has a name, @0 is the first" : "there are \(known.joined(separator: ", "))"
    if let position = ArchivePosition.of(tag) {
      guard images.indices.contains(position) else {
        throw BerthError(.notFound, "read image layout", subject, cause: "index.json has no image @\(position): it holds \(images.count)")
      }
      return .entry(images[position])
    }
    if let tag {
      let matching = images.filter { names(of: $0).contains(tag) }
      guard let last = matching.last else {
        throw BerthError(.notFound, "read image layout", subject, cause: "index.json has no image named \(tag): \(offer)")
      }
      return .entry(last)
    }
    if images.count == 1 { return .entry(images[0]) }
    guard !images.isEmpty else { throw BerthError(.notFound, "read image layout", subject, cause: "index.json has no image") }
    if known.isEmpty, isOneImage(images) { return .wholeIndex }
    throw BerthError(
      .invalidArgument, "read image layout", subject, cause: "it holds \(images.count) images, so that a tag is needed: \(offer)")
  }

  /// The document that the reference names, given how to read `index.json` and blobs.
  static func resolve(
    indexBytes: [UInt8], tag: String?, subject: String, blob: (Descriptor) throws(BerthError) -> [UInt8]
  ) throws(BerthError) -> ImageDocument {
    let index: Index
    do throws(ImageFormatError) { index = try Index(parsing: indexBytes, mediaType: nil) } catch {
      throw .unusable("read image layout", subject, ImageFormatError("index.json: \(error)"))
    }
    switch try choose(index, tag: tag, subject: subject) {
    case .entry(let descriptor):
      return ImageDocument(mediaType: descriptor.mediaType, digest: descriptor.digest, bytes: try blob(descriptor))
    case .wholeIndex: return ImageDocument(mediaType: nil, digest: .sha256(of: indexBytes), bytes: indexBytes)
    }
  }
}
