import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI

/// What the daemon and berth-worker say to each other: one JSON object a line over one socket, the worker's standard input and output.
///
/// ```
/// daemon → worker   job        once, first: a pull, or `list` for what an archive holds
/// worker → daemon   listing    the answer to `list`, last
/// worker → daemon   attempt    a place that the image isn't to be had from; any number
/// worker → daemon   resolved   the manifest is known, with the signatures beside it where the job wants them
/// worker → daemon   claim      which layers it would unpack
/// daemon → worker   claimed    for each: its directory, and whether it is ready or to be unpacked
/// worker → daemon   progress   any number
/// worker → daemon   finished   an errand (`WorkerErrand`) is done, last
/// worker → daemon   done | error   once, last
/// ```
public enum WorkerProtocol {
  /// Both sides come from one build as a rule; after an upgrade under a running daemon they may not.
  public static let version: Int64 = 5
  /// Of one line, in bytes: a claim of 500 layers fits.
  public static let lineBytes = 1 << 20

  static func malformed(_ cause: String) -> BerthError { BerthError(.bug, "talk to berth-worker", cause: cause) }
}

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

/// A layer in terms of what it is stacked on.
public struct LayerClaim: Sendable, Equatable {
  public var chain: Digest
  public var diff: Digest
  public var parent: Digest?

  public init(chain: Digest, diff: Digest, parent: Digest?) {
    self.chain = chain
    self.diff = diff
    self.parent = parent
  }
}

/// The daemon's answer for one layer.
public struct LayerGrant: Sendable, Equatable {
  /// The name of its directory.
  public var id: Int64
  /// Unpacked already; else the worker that got this grant unpacks it.
  public var isReady: Bool

  static func json(_ grants: [LayerGrant]) -> JSON {
    let list = grants.map { JSON.object(["id": .integer($0.id), "ready": .bool($0.isReady)]) }
    return ["type": "claimed", "layers": .array(list)]
  }

  static func list(_ json: JSON) throws(BerthError) -> [LayerGrant] {
    guard json["type"]?.string == "claimed", let items = json["layers"]?.array else {
      throw WorkerProtocol.malformed("the daemon's answer to a claim is malformed")
    }
    return items.map { LayerGrant(id: $0["id"]?.integer ?? 0, isReady: $0["ready"]?.bool ?? false) }
  }
}

/// What a worker reports.
public enum WorkerMessage: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public var digest: Digest
    public var size: Int64

    public init(digest: Digest, size: Int64) {
      self.digest = digest
      self.size = size
    }
  }

  /// What a reference turned out to be.
  public struct Resolved: Sendable, Equatable {
    /// For this platform.
    public var manifest: Digest
    /// Lowest first.
    public var layers: [Layer]
    /// What the reference itself stands for: an index or the manifest.
    public var subject: Descriptor?
    public var signatures: [ImageSignature] = []

    public init(manifest: Digest, layers: [Layer], subject: Descriptor? = nil, signatures: [ImageSignature] = []) {
      self.manifest = manifest
      self.layers = layers
      self.subject = subject
      self.signatures = signatures
    }
  }

  public struct Outcome: Sendable, Equatable {
    public var manifest: Digest
    public var mediaType: String
    public var index: Digest?
    /// Those that were unpacked now: directory and bytes.
    public var layers: [Int64: Int64]
  }

  case attempt(RegistryAttempt)
  case resolved(Resolved)
  case claim([LayerClaim])
  /// Bytes of a layer that have come so far, of how many.
  case progress(layer: Digest, done: Int64, total: Int64)
  case done(Outcome)
  case finished
  case listing(ArchiveListing)
  case failed(BerthError)
}

extension WorkerMessage {
  public var json: JSON {
    switch self {
    case .attempt(let attempt): return ["type": "attempt", "endpoint": .string(attempt.endpoint), "cause": .string(attempt.cause)]
    case .finished: return ["type": "finished"]
    case .resolved(let resolved):
      let list = resolved.layers.map { JSON.object(["digest": .string($0.digest.description), "size": .integer($0.size)]) }
      var object: JSONObject = [
        "type": "resolved", "manifest": .string(resolved.manifest.description), "layers": .array(list),
        "signatures": .array(resolved.signatures.map(\.json)),
      ]
      if let subject = resolved.subject { object["subject"] = subject.json }
      return .object(object)
    case .claim(let claims):
      let list = claims.map {
        JSON.object([
          "chain": .string($0.chain.description), "diff": .string($0.diff.description), "parent": .optional($0.parent?.description),
        ])
      }
      return ["type": "claim", "layers": .array(list)]
    case .progress(let layer, let done, let total):
      return ["type": "progress", "layer": .string(layer.description), "done": .integer(done), "total": .integer(total)]
    case .done(let outcome):
      let list = outcome.layers.sorted { $0.key < $1.key }.map { JSON.object(["id": .integer($0.key), "size": .integer($0.value)]) }
      return [
        "type": "done", "manifest": .string(outcome.manifest.description), "media_type": .string(outcome.mediaType),
        "index": .optional(outcome.index?.description), "layers": .array(list),
      ]
    case .listing(let listing): return listing.json
    case .failed(let error):
      return [
        "type": "error", "code": .string(error.code.rawValue), "operation": .string(error.operation), "subject": .string(error.subject),
        "cause": .string(error.cause),
      ]
    }
  }

  /// The worker handled hostile bytes: what it says is checked like anything else from outside.
  public init(_ json: JSON) throws(BerthError) {
    func digest(_ json: JSON?) throws(BerthError) -> Digest {
      guard let digest = json?.string.flatMap({ Digest($0) }) else {
        throw WorkerProtocol.malformed("a message has no digest where one belongs")
      }
      return digest
    }
    func number(_ json: JSON?) throws(BerthError) -> Int64 {
      guard let number = json?.integer, number >= 0 else { throw WorkerProtocol.malformed("a message has no number where one belongs") }
      return number
    }
    let list = json["layers"]?.array ?? []
    guard list.count <= ImageLimits.layers else { throw WorkerProtocol.malformed("a message names too many layers") }
    func text(_ key: String) -> String { String((json[key]?.string ?? "").prefix(4096)) }
    switch json["type"]?.string {
    case "attempt": self = .attempt(RegistryAttempt(endpoint: text("endpoint"), cause: text("cause")))
    case "resolved":
      var layers: [Layer] = []
      for item in list {
        // Bounded, so that nobody's sums overflow.
        layers.append(Layer(digest: try digest(item["digest"]), size: min(try number(item["size"]), ImageLimits.blobBytes)))
      }
      self = .resolved(
        Resolved(
          manifest: try digest(json["manifest"]), layers: layers,
          subject: json["subject"].flatMap { try? Descriptor($0, name: "subject") },
          signatures: (json["signatures"]?.array ?? []).prefix(ImageSignature.limit).compactMap { ImageSignature($0) }))
    case "finished": self = .finished
    case "claim":
      var claims: [LayerClaim] = []
      for item in list {
        let parent = item["parent"]
        claims.append(
          LayerClaim(
            chain: try digest(item["chain"]), diff: try digest(item["diff"]),
            parent: parent == nil || parent == .null ? nil : try digest(parent)))
      }
      self = .claim(claims)
    case "progress":
      let total = min(try number(json["total"]), ImageLimits.blobBytes)
      self = .progress(layer: try digest(json["layer"]), done: min(try number(json["done"]), total), total: total)
    case "done":
      var layers: [Int64: Int64] = [:]
      for item in list { layers[try number(item["id"])] = try number(item["size"]) }
      let index = json["index"]
      self = .done(
        Outcome(
          manifest: try digest(json["manifest"]), mediaType: String((json["media_type"]?.string ?? "").prefix(255)),
          index: index == nil || index == .null ? nil : try digest(index), layers: layers))
    case "listing":
      guard let listing = ArchiveListing(json) else { throw WorkerProtocol.malformed("a listing is malformed") }
      self = .listing(listing)
    case "error":
      self = .failed(
        BerthError(ErrorCode(rawValue: text("code")) ?? .bug, text("operation"), text("subject"), cause: text("cause")))
    default: throw WorkerProtocol.malformed("a message has an unknown type")
    }
  }
}

/// Cuts a byte stream into lines of bounded length.
public struct LineBuffer {
  private var bytes: [UInt8] = []
  /// How far `bytes` was searched for a line's end.
  private var searched = 0
  public init() {}

  public mutating func append(_ more: [UInt8]) throws(BerthError) {
    bytes += more
    if bytes.count > WorkerProtocol.lineBytes * 2 {
      throw WorkerProtocol.malformed("a line is longer than \(WorkerProtocol.lineBytes) bytes")
    }
  }

  /// The next complete line without its newline.
  public mutating func next() -> [UInt8]? {
    guard let end = bytes[searched...].firstIndex(of: 10) else {
      searched = bytes.count
      return nil
    }
    let line = Array(bytes[..<end])
    bytes.removeFirst(end + 1)
    searched = 0
    return line
  }
}
