import BerthCore
import BerthLinux
import BerthStore

/// What of an archive is imported, and what it is called here.
public struct ImportRequest: Sendable {
  public enum Naming: Sendable, Hashable {
    /// By digest alone: an archive's names are its author's claim, and another image may have them.
    case digest
    /// What the archive calls its images; those without a name go by their digest.
    case claimed
    /// The one image gets this name.
    case tag(RegistryReference)
  }

  /// Of the archive or of the layout's directory, absolute.
  public var path: String
  public var naming: Naming
  /// The one image of that name or position (`@0`) in the archive; nil: all.
  public var only: String?
  public var isPinned: Bool

  public init(path: String, naming: Naming = .digest, only: String? = nil, isPinned: Bool = false) {
    self.path = path
    self.naming = naming
    self.only = only
    self.isPinned = isPinned
  }
}

/// An image that came out of an archive.
public struct ImportedImage: Sendable, Hashable {
  public var digest: Digest
  /// What it is called here: names, or its digest.
  public var names: [String]
  /// What the archive calls it: names, or a tag alone.
  public var claimed: [String]
}

extension ImageService {
  private func refuse(_ path: String, _ cause: String) -> BerthError { BerthError(.invalidArgument, "import images", path, cause: cause) }

  /// Imports images from an OCI layout (directory or tar file, compressed or not) or from what `docker save` writes. Nothing is named
  /// unless the request says so. Throws `invalidArgument` for a request that doesn't fit what is there, `permissionDenied` for a
  /// name that must be signed, and whatever a pull throws; the
  /// images before the one that failed stay.
  public func importImages(
    _ request: ImportRequest, progress: @escaping @Sendable (PullEvent) -> Void = { _ in }
  ) throws(BerthError) -> [ImportedImage] {
    let base = try source(request.path)
    let listing = try PullSession(self, base, try waitedFor(base), isListing: true).list()
    let chosen = try choose(listing.entries, request)
    if case .tag = request.naming, chosen.count != 1 {
      throw refuse(request.path, "it holds \(chosen.count) images, so one must be chosen to get the name: \(Self.offer(listing.entries))")
    }
    // All of them before the first image comes in.
    for entry in chosen {
      for name in Self.names(for: entry, request.naming) { try registry.trust.admitImported(name) }
    }
    var imported: [ImportedImage] = []
    for entry in chosen {
      let names = Self.names(for: entry, request.naming)
      let task = try waitedFor(base)
      task.state.with { $0.listeners[0] = progress }
      let reference = Self.reference(listing.format, request.path, entry.selector)
      let image = try PullSession(self, reference, task, names: names, isPinned: request.isPinned).run()
      imported.append(
        ImportedImage(digest: image.digest, names: names.isEmpty ? [image.digest.description] : names, claimed: entry.words))
    }
    return imported
  }

  /// A task that one waits for: nobody joins an import or a restoration.
  func waitedFor(_ reference: ImageReference) throws(BerthError) -> PullTask {
    do throws(Errno) {
      let task = try PullTask()
      task.state.with { $0.waiting = 1 }
      return task
    } catch { throw BerthError(.resourceExhausted, "import images", "\(reference)", cause: "\(error)") }
  }

  private func source(_ path: String) throws(BerthError) -> ImageReference {
    // The worker reads paths as references name them.
    guard path.hasPrefix("/"), !path.contains(":") else { throw refuse(path, "the path must be absolute and have no colon in it") }
    do throws(Errno) {
      return try Files.status(path).kind == .directory ? .layout(path: path, tag: nil) : .archive(path: path, tag: nil)
    } catch { throw BerthError(error == .notFound ? .notFound : .unavailable, "import images", path, cause: "\(error)") }
  }

  private static func reference(_ format: ArchiveListing.Format, _ path: String, _ selector: String?) -> ImageReference {
    switch format {
    case .layout: .layout(path: path, tag: selector)
    case .archive: .archive(path: path, tag: selector)
    case .dockerArchive: .dockerArchive(path: path, tag: selector)
    }
  }

  private func choose(_ entries: [ArchiveListing.Entry], _ request: ImportRequest) throws(BerthError) -> [ArchiveListing.Entry] {
    guard !entries.isEmpty else { throw refuse(request.path, "it holds no image") }
    guard let only = request.only else { return entries }
    let wanted = try? RegistryReference(only)
    let found = entries.filter { entry in
      entry.selector == only || entry.names.contains { $0 == only || (wanted != nil && (try? RegistryReference($0)) == wanted) }
    }
    if !found.isEmpty { return found }
    let tagged = entries.filter { $0.tag == only }
    guard !tagged.isEmpty else { throw refuse(request.path, "it holds no image \(only): \(Self.offer(entries))") }
    guard tagged.count == 1 else { throw refuse(request.path, "it holds \(tagged.count) images \(only): \(Self.offer(entries))") }
    return tagged
  }

  private static func offer(_ entries: [ArchiveListing.Entry]) -> String {
    let words = entries.map { entry in
      ([entry.selector ?? "one without a name"] + entry.words).joined(separator: " ")
    }
    return "there are " + words.joined(separator: ", ")
  }

  /// Completed; a claim that is no reference is none.
  private static func names(for entry: ArchiveListing.Entry, _ naming: ImportRequest.Naming) -> [String] {
    switch naming {
    case .digest: []
    case .tag(let name): [name.description]
    case .claimed: entry.names.compactMap { name in (try? RegistryReference(name))?.description }
    }
  }
}
