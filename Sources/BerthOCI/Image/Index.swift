import BerthCore

/// A list of manifests, one a platform. Sources: OCI image-spec image-index.md; Docker manifest list.
public struct Index: Sendable, Hashable {
  public var mediaType: String
  public var manifests: [Descriptor]

  public init(mediaType: String = MediaType.index, manifests: [Descriptor]) {
    self.mediaType = mediaType
    self.manifests = manifests
  }

  /// `mediaType`: what the document was announced as; nil where nothing announced it.
  public init(parsing bytes: [UInt8], mediaType: String?) throws(ImageFormatError) {
    let fields = try ImageFields(parsing: bytes, "index")
    guard fields.object["layers"] == nil, fields.object["config"] == nil else {
      throw ImageFormatError("the same document is an index and a manifest")
    }
    let type = try fields.requireMediaType(mediaType, among: MediaType.isIndex)
    self.mediaType = type.isEmpty ? MediaType.index : type
    guard let items = try fields.array("manifests") else { throw ImageFormatError("index has no manifests") }
    guard items.count <= ImageLimits.descriptors else { throw ImageFormatError("index has more than \(ImageLimits.descriptors) manifests") }
    manifests = []
    for (at, item) in items.enumerated() { manifests.append(try Descriptor(item, name: "manifests[\(at)]")) }
  }

  /// The entries that may lead to a manifest for `node`, best first: those that name a platform it runs, the highest variant first, then
  /// those that name none. Attestations and other artefacts (`unknown/unknown`) never match.
  public func candidates(for node: Platform) -> [Descriptor] {
    let documents = manifests.filter { MediaType.isIndex($0.mediaType) || MediaType.isManifest($0.mediaType) }
    var matching: [(level: Int, descriptor: Descriptor)] = []
    for descriptor in documents {
      if let platform = descriptor.platform, platform.runs(on: node) { matching.append((platform.level, descriptor)) }
    }
    let named = matching.enumerated().sorted { ($1.element.level, $0.offset) < ($0.element.level, $1.offset) }.map(\.element.descriptor)
    return named + documents.filter { $0.platform == nil }
  }

  /// The platforms on offer, for messages.
  public var platforms: [String] { manifests.compactMap { $0.platform?.description } }

  public func encoded() -> [UInt8] {
    let document: JSON = ["schemaVersion": 2, "mediaType": .string(mediaType), "manifests": .array(manifests.map(\.json))]
    return document.encoded()
  }
}
