import BerthArchive
import BerthCore
import BerthOCI

/// A pull as the daemon orders it.
public struct WorkerJob: Sendable, Equatable {
  /// In its completed form.
  public var reference: String
  /// Of the content store.
  public var content: String
  /// The name of this pull's own directory for what isn't published yet. Whatever becomes of the worker, the daemon removes it.
  public var ingest: String
  /// The directory that layers' directories are made in.
  public var layers: String
  public var platform: Platform
  public var registry: RegistryAccess
  /// Only to say what the archive or layout at the reference's path holds.
  public var isListing = false
  /// Whether the daemon is to judge the image by its signatures.
  public var wantsSignatures = false
  /// The form that layers are unpacked in.
  public var marks = LayerMarks.overlay

  public init(
    reference: String, content: String, ingest: String, layers: String, platform: Platform, registry: RegistryAccess,
    isListing: Bool = false, wantsSignatures: Bool = false
  ) {
    self.isListing = isListing
    self.wantsSignatures = wantsSignatures
    self.reference = reference
    self.content = content
    self.ingest = ingest
    self.layers = layers
    self.platform = platform
    self.registry = registry
  }

  public var json: JSON {
    [
      "type": "job", "version": .integer(WorkerProtocol.version), "reference": .string(reference), "content": .string(content),
      "ingest": .string(ingest), "layers": .string(layers), "platform": platform.json, "registry": registry.json, "list": .bool(isListing),
      "signatures": .bool(wantsSignatures), "marks": .string(marks.rawValue),
    ]
  }

  public init(_ json: JSON) throws(BerthError) {
    let version = json["version"]?.integer ?? 0
    guard json["type"]?.string == "job", version == WorkerProtocol.version else {
      throw BerthError(
        .failedPrecondition, "start berth-worker",
        cause: "the daemon speaks version \(version) of the protocol, this worker version \(WorkerProtocol.version): restart berthd")
    }
    guard let reference = json["reference"]?.string, let content = json["content"]?.string,
      let ingest = json["ingest"]?.string, let layers = json["layers"]?.string,
      let platform = json["platform"].flatMap({ try? Platform($0, name: "platform") }),
      let registry = json["registry"].flatMap({ RegistryAccess($0) })
    else { throw WorkerProtocol.malformed("the job is malformed") }
    self.init(
      reference: reference, content: content, ingest: ingest, layers: layers, platform: platform, registry: registry,
      isListing: json["list"]?.bool ?? false, wantsSignatures: json["signatures"]?.bool ?? false)
    marks = json["marks"]?.string.flatMap { LayerMarks(rawValue: $0) } ?? .overlay
  }
}
