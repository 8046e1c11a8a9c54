import BerthCore

/// An image for one platform: its config and its layers, lowest first. Sources: OCI image-spec manifest.md; Docker schema 2.
public struct Manifest: Sendable, Hashable {
  public var mediaType: String
  public var config: Descriptor
  public var layers: [Descriptor]

  public init(mediaType: String = MediaType.manifest, config: Descriptor, layers: [Descriptor]) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
  }

  /// `mediaType`: what the document was announced as; nil where nothing announced it.
  public init(parsing bytes: [UInt8], mediaType: String?) throws(ImageFormatError) {
    let fields = try ImageFields(parsing: bytes, "manifest")
    guard fields.object["manifests"] == nil else { throw ImageFormatError("the same document is an index and a manifest") }
    if fields.object["fsLayers"] != nil || fields.object["signatures"] != nil {
      throw ImageFormatError("Docker schema 1 manifests are not supported: push the image again with a current tool")
    }
    let type = try fields.requireMediaType(mediaType, among: MediaType.isManifest)
    self.mediaType = type.isEmpty ? MediaType.manifest : type
    guard let config = fields.value("config") else { throw ImageFormatError("manifest has no config") }
    self.config = try Descriptor(config, name: "config")
    guard MediaType.isConfig(self.config.mediaType) else {
      throw ImageFormatError("not a container image: its config is \(self.config.mediaType)")
    }
    guard self.config.size <= ImageLimits.documentBytes else {
      throw ImageFormatError("config is larger than \(ImageLimits.documentBytes) bytes")
    }
    guard let items = try fields.array("layers") else { throw ImageFormatError("manifest has no layers") }
    guard items.count <= ImageLimits.layers else { throw ImageFormatError("manifest has more than \(ImageLimits.layers) layers") }
    layers = []
    for (at, item) in items.enumerated() {
      let layer = try Descriptor(item, name: "layers[\(at)]")
      guard MediaType.isLayer(layer.mediaType) else { throw ImageFormatError("layers[\(at)] has the media type \(layer.mediaType)") }
      layers.append(layer)
    }
  }

  public func encoded() -> [UInt8] {
    let document: JSON = [
      "schemaVersion": 2, "mediaType": .string(mediaType), "config": config.json, "layers": .array(layers.map(\.json)),
    ]
    return document.encoded()
  }
}
