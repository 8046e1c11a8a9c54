import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// A blob of the store, for listing.
public struct BlobInfo: Sendable, Hashable {
  public var digest: Digest
  /// In bytes.
  public var size: Int64
  /// When it came, wall clock, nanoseconds since 1970.
  public var created: Int64
}

/// A directory tree under `snapshots`, for listing.
public struct SnapshotInfo: Sendable, Hashable {
  public enum Kind: String, Sendable {
    /// An unpacked layer, complete.
    case committed
    /// What a container writes.
    case active
    /// Holds an image that a pod reads as a volume.
    case view
  }
  /// A layer's chain ID, or a container's snapshot key.
  public var key: String
  /// What it lies on: a chain ID.
  public var parent: String?
  public var kind: Kind
  /// Of the files' content in bytes; nil where nobody has counted.
  public var size: Int64?
}

/// Used by one thread at a time.
public final class BlobReader: @unchecked Sendable {
  // Only its owner calls it, one call after the other.
  private let source: FileSource
  /// In bytes.
  public let size: Int64

  init(_ source: FileSource, size: Int64) {
    self.source = source
    self.size = size
  }

  /// nil at the end.
  public func next() throws(BerthError) -> [UInt8]? {
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    let count = try piece.withBytes { (buffer) throws(BerthError) in try source.read(into: buffer) }
    return count == 0 ? nil : Array(piece[..<count])
  }
}

extension ImageService {
  /// All blobs, by digest.
  public func blobs() throws(BerthError) -> [BlobInfo] {
    try content.blobs().sorted().compactMap { digest in
      guard let status = try? Files.linkStatus(content.path(digest)) else { return nil }
      return BlobInfo(digest: digest, size: status.size, created: status.changedNanoseconds)
    }
  }

  /// A blob's bytes, piece by piece. Throws `notFound`.
  public func blobReader(_ digest: Digest) throws(BerthError) -> BlobReader {
    guard let file = try content.open(digest), let size = (try? file.status())?.size else {
      throw BerthError(.notFound, "read content", digest.description, cause: "there is no such blob")
    }
    return BlobReader(FileSource(file), size: size)
  }

  /// Layers oldest first, then containers' snapshots by key.
  public func snapshots() throws(BerthError) -> [SnapshotInfo] {
    let layers = try metadata.layers().filter(\.isReady).map {
      SnapshotInfo(key: $0.chain.description, parent: $0.parent?.description, kind: .committed, size: $0.size)
    }
    return layers
      + snapshotKeys().map { key in
        SnapshotInfo(key: key, parent: topChain(key), kind: Files.exists("\(root)/snapshots/active/\(key)/fs") ? .active : .view, size: nil)
      }
  }

  private func topChain(_ key: String) -> String? {
    guard let digest = snapshotImage(key), let image = try? image(digest: digest) else { return nil }
    return image.chainIDs.last?.description
  }

  /// What a snapshot occupies on disk. Throws `notFound`.
  public func usage(snapshot key: String) throws(BerthError) -> TreeUsage {
    let path: String
    if let chain = Digest(key) {
      guard let layer = try metadata.layer(chain), layer.isReady else {
        throw BerthError(.notFound, "measure snapshot", key, cause: "there is no such layer")
      }
      path = directory(layer.id)
    } else {
      guard Self.isKey(key) else {
        throw BerthError(.invalidArgument, "measure snapshot", key, cause: "it is neither a chain ID nor a key")
      }
      path = "\(root)/snapshots/active/\(key)/fs"
    }
    do throws(Errno) { return try TreeUsage.of(try Files.open(path, ContentFlags.directory)) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "measure snapshot", key, cause: "\(error)")
    }
  }
}
