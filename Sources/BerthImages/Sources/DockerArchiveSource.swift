import BerthArchive
import BerthCore
import BerthOCI
import BerthStore

/// What `docker save` writes: a tar file with a `manifest.json` that names configs and layers by path. It has no manifest of the
/// usual kind, so one is made: the same archive always gives the same digest.
public final class DockerArchiveSource: ImageSource {
  private let archive: ArchiveIndex
  private let manifest: Manifest
  private let config: [UInt8]
  /// Where each layer lies.
  private let layers: [Digest: String]

  public init(path: String, tag: String?, scratch: String) throws(BerthError) {
    archive = try ArchiveIndex(path: path, scratch: scratch)
    let (configPath, layerPaths) = try Self.choose(try archive.read("manifest.json"), tag: tag, path: path)
    config = try archive.read(configPath)
    let parsed: ImageConfig
    do throws(ImageFormatError) { parsed = try ImageConfig(parsing: config) } catch { throw .unusable("read image archive", path, error) }
    guard parsed.diffIDs.count == layerPaths.count else {
      throw BerthError(
        .dataLoss, "read image archive", path, cause: "its config names \(parsed.diffIDs.count) layers, manifest.json \(layerPaths.count)")
    }
    var descriptors: [Descriptor] = []
    var paths: [Digest: String] = [:]
    for (diff, layer) in zip(parsed.diffIDs, layerPaths) {
      let descriptor = try Self.descriptor(layer, diff: diff, archive)
      descriptors.append(descriptor)
      paths[descriptor.digest] = layer
    }
    layers = paths
    let configDescriptor = Descriptor(mediaType: MediaType.config, digest: .sha256(of: config), size: Int64(config.count))
    manifest = Manifest(config: configDescriptor, layers: descriptors)
  }

  /// The paths of the config and the layers of the image that `tag` names, or of the only one.
  private static func choose(_ bytes: [UInt8], tag: String?, path: String) throws(BerthError) -> (String, [String]) {
    let images = try images(bytes, path: path)
    let tags = images.map(tags)
    var chosen = images.first
    if let position = ArchivePosition.of(tag) {
      chosen = images.indices.contains(position) ? images[position] : nil
    } else if let tag {
      let wanted = try RegistryReference(tag)
      chosen = zip(images, tags).first { $1.contains { (try? RegistryReference($0)) == wanted } }?.0
    } else if images.count > 1 {
      throw BerthError(
        .invalidArgument, "read image archive", path,
        cause: "it holds \(images.count) images, so that a name is needed: \(tags.joined().sorted().joined(separator: ", "))")
    }
    guard let chosen else {
      throw BerthError(
        .notFound, "read image archive", path,
        cause: "it has no image \(tag ?? ""): there are \(tags.joined().sorted().joined(separator: ", "))")
    }
    guard let config = chosen["Config"]?.string, let layers = chosen["Layers"]?.array, layers.count <= ImageLimits.layers else {
      throw malformed(path, "has no Config or no Layers")
    }
    return (config, layers.compactMap(\.string))
  }

  private static func malformed(_ path: String, _ cause: String) -> BerthError {
    BerthError(.dataLoss, "read image archive", path, cause: "manifest.json \(cause)")
  }

  /// The entries of `manifest.json`.
  static func images(_ bytes: [UInt8], path: String) throws(BerthError) -> [JSON] {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch { throw malformed(path, "is not valid JSON: \(error)") }
    guard let images = json.array, !images.isEmpty, images.count <= ImageLimits.descriptors else {
      throw malformed(path, "lists no image")
    }
    return images
  }

  /// The names that an entry claims.
  static func tags(_ image: JSON) -> [String] { (image["RepoTags"]?.array ?? []).compactMap(\.string) }

  /// An uncompressed layer's digest is its diff ID; a compressed one's is found out by reading it.
  private static func descriptor(_ path: String, diff: Digest, _ archive: ArchiveIndex) throws(BerthError) -> Descriptor {
    guard let member = archive.member(path) else {
      throw BerthError(.notFound, "read image archive", archive.path, cause: "it has no \(path)")
    }
    var magic = [UInt8](repeating: 0, count: 4)
    let start = try archive.open(path)
    _ = try magic.withBytes { (buffer) throws(BerthError) in try start.read(into: buffer) }
    let (type, digest): (String, Digest) =
      switch Compression(magic: magic) {
      case .none: (MediaType.layer, diff)
      case .gzip: (MediaType.layerGzip, try hash(try archive.open(path)))
      case .zstd: (MediaType.layerZstd, try hash(try archive.open(path)))
      }
    return Descriptor(mediaType: type, digest: digest, size: member.size)
  }

  private static func hash(_ source: any ByteSource) throws(BerthError) -> Digest {
    let hashing = HashingSource(source)
    try hashing.drain()
    return hashing.finish()
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    let bytes = manifest.encoded()
    return ImageDocument(mediaType: manifest.mediaType, digest: .sha256(of: bytes), bytes: bytes)
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] { config }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource {
    guard let path = layers[descriptor.digest] else {
      throw BerthError(.notFound, "read image archive", archive.path, cause: "it has no layer \(descriptor.digest)")
    }
    return try archive.open(path)
  }
}
