import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// An archive in the course of being written, taken in pieces by whoever sends it on. It holds a lease on its images until it goes.
/// Used by one thread at a time.
public final class ImageExport: @unchecked Sendable {
  // Only its owner calls it, one call after the other.
  private let service: ImageService
  private let lease: String
  private var members: ArraySlice<ArchivePlan.Member>
  private let output = MemorySink()
  private let tar: TarWriter
  private var taken = 0
  private var blob: (source: FileSource, hash: ContentHash, digest: Digest, left: Int64)?
  private var isFinished = false
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// Of the whole archive, in bytes.
  public let size: Int64

  init(_ service: ImageService, _ plan: ArchivePlan, lease: String) {
    self.service = service
    self.lease = lease
    members = plan.members[...]
    tar = TarWriter(output)
    size = plan.members.reduce(1024) { $0 + 512 + ($1.content.size + 511) / 512 * 512 + TarWriter.extensionSize(for: $1.entry) }
  }

  deinit {
    buffer.deallocate()
    try? service.metadata.removeLease(lease)
  }

  /// The next piece; nil after the last. Throws `dataLoss` where a blob turns out damaged, which is then removed from the store.
  public func next() throws(BerthError) -> [UInt8]? {
    while output.bytes.count < 1 << 18, try step() {}
    let piece = output.take()
    return piece.isEmpty ? nil : piece
  }

  /// Writes a part of what is left; false if nothing is.
  private func step() throws(BerthError) -> Bool {
    if blob != nil {
      try copy()
      return true
    }
    guard let member = members.popFirst() else {
      guard !isFinished else { return false }
      isFinished = true
      try tar.finish()
      return true
    }
    switch member.content {
    case .directory: try tar.begin(member.entry)
    case .bytes(let bytes): try tar.add(member.entry, content: bytes)
    case .blob(let digest, let size):
      guard let file = try service.content.open(digest, size: size) else { throw missing(digest) }
      try tar.begin(member.entry)
      blob = (FileSource(file), ContentHash(), digest, size)
      if size == 0 { try copy() }
    }
    return true
  }

  private func copy() throws(BerthError) {
    guard let (source, hash, digest, left) = blob else { return }
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(clamping: left)))
    let count = left == 0 ? 0 : try source.read(into: part)
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    hash.update(bytes)
    if count > 0 { try tar.write(bytes) }
    blob = (source, hash, digest, left - Int64(count))
    guard left == Int64(count) || count == 0 else { return }
    blob = nil
    guard left == Int64(count), hash.finish() == digest else {
      try service.content.remove(digest)
      throw BerthError(.dataLoss, "export images", digest.description, cause: "the blob is damaged and was removed: pull the image again")
    }
  }

  private func missing(_ digest: Digest) -> BerthError {
    BerthError(.notFound, "export images", digest.description, cause: "the blob is not in the store: pull the image again")
  }
}

extension ImageService {
  /// The images that `references` name, as one archive. All blobs are there when this returns, and stay until the export goes.
  /// `format`: `oci` or `docker`.
  public func export(_ references: [ImageReference], format: String) throws(BerthError) -> ImageExport {
    guard let format = ArchivePlan.Format(rawValue: format) else {
      throw BerthError(.invalidArgument, "export images", format, cause: "the formats are oci and docker")
    }
    guard !references.isEmpty else { throw BerthError(.invalidArgument, "export images", cause: "name at least one image") }
    var items: [ArchivePlan.Item] = []
    for reference in references {
      guard let image = try lookup(reference) else {
        throw BerthError(.notFound, "export images", "\(reference)", cause: "it is not in the store; berth image pull fetches it")
      }
      let item = try item(image, reference)
      // The same image under two names is one in the archive.
      if let at = items.firstIndex(where: { $0.manifest.digest == image.digest }) {
        items[at].names += item.names
      } else {
        items.append(item)
      }
    }
    let lease = "export-\(UInt64.random(in: 0 ... .max))"
    try metadata.addLease(
      LeaseRecord(
        id: lease, kind: .export, subject: references.map(\.description).joined(separator: " "), created: Clock.wallNanoseconds()),
      items.map { .image($0.manifest.digest) })
    let export = ImageExport(self, ArchivePlan(items, format: format), lease: lease)
    for blob in items.flatMap({ [$0.manifest, $0.content.config] + $0.content.layers })
    where !content.contains(blob.digest, size: blob.size) {
      throw BerthError(
        .failedPrecondition, "export images", blob.digest.description, cause: "the blob is not in the store: pull the image again")
    }
    return export
  }

  private func item(_ image: Image, _ reference: ImageReference) throws(BerthError) -> ArchivePlan.Item {
    guard let bytes = try content.read(image.digest), let manifest = try? Manifest(parsing: bytes, mediaType: nil) else {
      throw BerthError(.notFound, "export images", "\(reference)", cause: "its manifest is not in the store: pull it again")
    }
    let descriptor = Descriptor(
      mediaType: manifest.mediaType, digest: image.digest, size: Int64(bytes.count), platform: image.config.platform)
    let names: [RegistryReference] = if case .registry(let name) = reference, name.tag != nil { [name] } else { [] }
    return ArchivePlan.Item(names: names, manifest: descriptor, content: manifest)
  }
}
