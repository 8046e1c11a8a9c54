import BerthCore

/// A reference to content by digest. Source: OCI image-spec descriptor.md.
public struct Descriptor: Sendable, Hashable {
  public var mediaType: String
  public var digest: Digest
  /// In bytes, exactly.
  public var size: Int64
  public var platform: Platform?
  public var annotations: [String: String]

  public init(mediaType: String, digest: Digest, size: Int64, platform: Platform? = nil, annotations: [String: String] = [:]) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.platform = platform
    self.annotations = annotations
  }

  /// `urls` and `data` are ignored: content comes from where the image comes from, and nowhere else.
  public init(_ value: JSON, name: String) throws(ImageFormatError) {
    let fields = try ImageFields(value, name)
    guard let mediaType = try fields.string("mediaType"), !mediaType.isEmpty, mediaType.utf8.count <= 255 else {
      throw ImageFormatError("\(name) has no mediaType")
    }
    guard let text = try fields.string("digest") else { throw ImageFormatError("\(name) has no digest") }
    guard let digest = Digest(text) else { throw ImageFormatError("\(name): \"\(text.prefix(100))\" is not a sha256 digest") }
    guard let size = try fields.integer("size"), (0...ImageLimits.blobBytes).contains(size) else {
      throw ImageFormatError("\(name) has no size between 0 and \(ImageLimits.blobBytes)")
    }
    self.init(mediaType: mediaType, digest: digest, size: size, annotations: try fields.stringMap("annotations"))
    if let platform = fields.value("platform") { self.platform = try Platform(platform, name: "\(name).platform") }
  }

  public var json: JSON {
    var object: JSONObject = ["mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(size)]
    if let platform { object["platform"] = platform.json }
    if !annotations.isEmpty { object["annotations"] = .strings(annotations) }
    return .object(object)
  }
}
