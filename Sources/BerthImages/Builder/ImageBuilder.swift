import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// Makes images: layers from tar streams, a config, a manifest, and an OCI layout as a directory or in one tar file.
public struct ImageBuilder: Sendable {
  public struct Layer: Sendable, Hashable {
    public var descriptor: Descriptor
    public var diff: Digest
    public var bytes: [UInt8]
  }

  public var config: ImageConfig
  public private(set) var layers: [Layer] = []

  public init(config: ImageConfig = ImageConfig()) { self.config = config }

  /// Adds a layer on top, its tar stream given as it is.
  public mutating func addLayer(tar: [UInt8], compression: Compression = .gzip) throws(BerthError) {
    let layer = try Self.layer(tar: tar, compression: compression)
    layers.append(layer)
    config.diffIDs.append(layer.diff)
  }

  /// Adds a layer of the entries that `write` writes.
  public mutating func addLayer(compression: Compression = .gzip, _ write: (TarWriter) throws(BerthError) -> Void) throws(BerthError) {
    let sink = MemorySink()
    let tar = TarWriter(sink)
    try write(tar)
    try tar.finish()
    try addLayer(tar: sink.bytes, compression: compression)
  }

  private static func layer(tar: [UInt8], compression: Compression) throws(BerthError) -> Layer {
    let bytes: [UInt8]
    let type: String
    switch compression {
    case .none: (bytes, type) = (tar, MediaType.layer)
    case .gzip:
      let sink = MemorySink()
      let gzip = GzipSink(sink)
      try gzip.write(tar)
      try gzip.finish()
      (bytes, type) = (sink.bytes, MediaType.layerGzip)
    case .zstd: throw BerthError(.unsupported, "make layer", cause: "zstd layers can be read but not made")
    }
    return Layer(
      descriptor: Descriptor(mediaType: type, digest: .sha256(of: bytes), size: Int64(bytes.count)), diff: .sha256(of: tar), bytes: bytes)
  }

  /// A file of a layout: its path in it and its bytes.
  public typealias LayoutFile = (path: String, bytes: [UInt8])

  public var configDescriptor: Descriptor {
    let bytes = config.encoded()
    return Descriptor(mediaType: MediaType.config, digest: .sha256(of: bytes), size: Int64(bytes.count))
  }

  public var manifest: Manifest { Manifest(config: configDescriptor, layers: layers.map(\.descriptor)) }

  /// The manifest as an entry of an index.
  public func descriptor(named name: String?) -> Descriptor {
    let bytes = manifest.encoded()
    return Descriptor(
      mediaType: MediaType.manifest, digest: .sha256(of: bytes), size: Int64(bytes.count), platform: config.platform,
      annotations: name.map { ["org.opencontainers.image.ref.name": $0] } ?? [:])
  }

  /// Manifest, config and layers as files of a layout.
  public var blobs: [LayoutFile] {
    [Self.blob(manifest.encoded()), Self.blob(config.encoded())] + layers.map { (Self.path($0.descriptor.digest), $0.bytes) }
  }

  static func path(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }
  public static func blob(_ bytes: [UInt8]) -> LayoutFile { (path(.sha256(of: bytes)), bytes) }

  /// A whole layout with these entries in its index.json. Source: OCI image-spec image-layout.md.
  public static func layout(entries: [Descriptor], blobs: [LayoutFile]) -> [LayoutFile] {
    let version: JSON = ["imageLayoutVersion": "1.0.0"]
    return [("oci-layout", version.encoded()), ("index.json", Index(manifests: entries).encoded())] + blobs
  }

  /// A layout of this image alone, called `name` in its index.
  public func layout(named name: String?) -> [LayoutFile] { Self.layout(entries: [descriptor(named: name)], blobs: blobs) }
}

extension ImageBuilder {
  /// Writes a layout as an archive, in place of `path` as one step.
  public static func writeArchive(_ layout: [LayoutFile], to path: String) throws(BerthError) {
    let temporary = "\(path).tmp-\(UInt32.random(in: 0 ... .max))"
    func failure(_ error: Errno) -> BerthError {
      try? Files.unlink(temporary)
      return BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write image archive", path, cause: "\(error)")
    }
    let file: FD
    do throws(Errno) { file = try Files.open(temporary, ContentFlags.create, mode: 0o644) } catch { throw failure(error) }
    do throws(BerthError) {
      let tar = TarWriter(FileSink(file))
      for directory in ["blobs/", "blobs/sha256/"] { try tar.add(TarEntry(name: Array(directory.utf8), kind: .directory, mode: 0o755)) }
      for (name, bytes) in layout { try tar.add(TarEntry(name: Array(name.utf8), kind: .file), content: bytes) }
      try tar.finish()
    } catch {
      try? Files.unlink(temporary)
      throw error
    }
    do throws(Errno) { try Files.rename(temporary, to: path) } catch { throw failure(error) }
  }

  /// Writes a layout as a directory, which is made where it is missing.
  public static func writeDirectory(_ layout: [LayoutFile], to path: String) throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectories("\(path)/blobs/sha256", mode: 0o755)
      for (name, bytes) in layout { try Files.writeAtomically(bytes, to: "\(path)/\(name)", mode: 0o644) }
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write image layout", path, cause: "\(error)") }
  }
}
