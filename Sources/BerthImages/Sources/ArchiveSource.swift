import BerthArchive
import BerthCore
import BerthOCI

/// An OCI image layout in a tar file.
public final class ArchiveSource: ImageSource {
  private let archive: ArchiveIndex
  private let tag: String?

  /// `scratch`: a directory for unpacking a compressed archive.
  public init(path: String, tag: String?, scratch: String) throws(BerthError) {
    archive = try ArchiveIndex(path: path, scratch: scratch)
    self.tag = tag
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    try LayoutIndex.resolve(indexBytes: try archive.read("index.json"), tag: tag, subject: archive.path) {
      (descriptor) throws(BerthError) in
      try document(descriptor)
    }
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] {
    try archive.read("blobs/sha256/\(descriptor.digest.hex)")
  }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource {
    try archive.open("blobs/sha256/\(descriptor.digest.hex)")
  }
}
