import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI

/// An OCI image layout in a directory. Blobs are opened inside it without following any symlink, and must be regular files.
public final class LayoutSource: ImageSource {
  private let path: String
  private let tag: String?
  private let root: FD

  public init(path: String, tag: String?) throws(BerthError) {
    self.path = path
    self.tag = tag
    do throws(Errno) { root = try Files.open(path, ContentFlags.directory) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "read image layout", path, cause: "\(error)")
    }
  }

  /// The images in it.
  public func listing() throws(BerthError) -> ArchiveListing {
    let bytes = try read("index.json", limit: ImageLimits.documentBytes)
    return ArchiveListing(format: .layout, entries: try LayoutIndex.listing(indexBytes: bytes, subject: path))
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    let bytes = try read("index.json", limit: ImageLimits.documentBytes)
    return try LayoutIndex.resolve(indexBytes: bytes, tag: tag, subject: path) { (descriptor) throws(BerthError) in try document(descriptor)
    }
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] {
    try read("blobs/sha256/\(descriptor.digest.hex)", limit: ImageLimits.documentBytes)
  }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource {
    FileSource(try openFile("blobs/sha256/\(descriptor.digest.hex)"))
  }

  private func openFile(_ name: String) throws(BerthError) -> FD {
    func failure(_ error: Errno) -> BerthError {
      let code: ErrorCode = error == .notFound ? .notFound : error == .loop ? .invalidArgument : .unavailable
      return BerthError(code, "read image layout", path, cause: "\(name): \(error)")
    }
    let file: FD
    do throws(Errno) { file = try Rooted.open(root, name, ContentFlags.read, .noSymlinks) } catch { throw failure(error) }
    let status: FileStatus
    do throws(Errno) { status = try file.status() } catch { throw failure(error) }
    guard status.kind == .regular else {
      throw BerthError(.invalidArgument, "read image layout", path, cause: "\(name) is no regular file")
    }
    return file
  }

  private func read(_ name: String, limit: Int) throws(BerthError) -> [UInt8] {
    let file = try openFile(name)
    do throws(Errno) { return try file.readAll(limit: limit) } catch {
      let cause = error == .tooBig ? "\(name) is larger than \(limit) bytes" : "\(name): \(error)"
      throw BerthError(error == .tooBig ? .dataLoss : .unavailable, "read image layout", path, cause: cause)
    }
  }
}
