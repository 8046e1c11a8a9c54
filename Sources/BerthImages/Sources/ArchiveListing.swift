import BerthArchive
import BerthCore
import BerthOCI

/// What an image archive or layout holds, read before anything of it is imported.
public struct ArchiveListing: Sendable, Equatable {
  public enum Format: String, Sendable {
    case layout
    case archive
    case dockerArchive = "docker-archive"
  }

  public struct Entry: Sendable, Equatable {
    /// Stands where a tag does: `@N`, counted from 0 as skopeo counts; nil: the whole index is one image.
    public var selector: String?
    /// The names that it claims for itself, as they stand there.
    public var names: [String]
    /// A name that is a tag alone, as many tools write it: enough to choose by, not to be called by.
    public var tag: String? = nil
    /// What it is called there, whether that is a name or a tag alone.
    var words: [String] { names.isEmpty ? tag.map { [$0] } ?? [] : names }
  }

  public var format: Format
  public var entries: [Entry]

  /// Of the file at `path`: an OCI archive, or what `docker save` writes. One that is both is read as the former, whose manifests are
  /// the image's own.
  public static func of(archive path: String, scratch: String) throws(BerthError) -> ArchiveListing {
    let archive = try ArchiveIndex(path: path, scratch: scratch)
    if archive.member("index.json") != nil {
      return ArchiveListing(format: .archive, entries: try LayoutIndex.listing(indexBytes: try archive.read("index.json"), subject: path))
    }
    guard archive.member("manifest.json") != nil else {
      throw BerthError(
        .invalidArgument, "read image archive", path, cause: "it is no image: it has neither index.json (OCI) nor manifest.json (Docker)")
    }
    let images = try DockerArchiveSource.images(try archive.read("manifest.json"), path: path)
    return ArchiveListing(
      format: .dockerArchive,
      entries: images.enumerated().map { Entry(selector: "@\($0.offset)", names: DockerArchiveSource.tags($0.element)) })
  }

  var json: JSON {
    let list = entries.map { JSON.object(["selector": .optional($0.selector), "names": .strings($0.names), "tag": .optional($0.tag)]) }
    return ["type": "listing", "format": .string(format.rawValue), "entries": .array(list)]
  }

  /// From a worker's message: the names are a stranger's text.
  init?(_ json: JSON) {
    guard let format = json["format"]?.string.flatMap({ Format(rawValue: $0) }), let items = json["entries"]?.array,
      items.count <= ImageLimits.descriptors
    else { return nil }
    self.format = format
    entries = items.map { item in
      Entry(
        selector: item["selector"]?.string, names: (item["names"]?.array ?? []).compactMap(\.string).map { String($0.prefix(512)) },
        tag: item["tag"]?.string.map { String($0.prefix(512)) })
    }
  }

  init(format: Format, entries: [Entry]) {
    self.format = format
    self.entries = entries
  }
}

/// `@N` in place of a tag: the archive's image number N, counted from 0, as skopeo has it.
enum ArchivePosition {
  static func of(_ tag: String?) -> Int? {
    guard let tag, tag.hasPrefix("@") else { return nil }
    return Int(tag.dropFirst()).flatMap { $0 >= 0 ? $0 : nil }
  }
}
