import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore

/// An image in a registry: its places are asked in their order, until one has what is wanted. Every failure on the way is reported.
/// Source: OCI distribution-spec "Pulling manifests", "Pulling blobs".
public final class RegistrySource: ImageSource {
  private let reference: RegistryReference
  private let places: [Registry]
  private let report: @Sendable (RegistryAttempt) -> Void
  /// By blob: the places whose bytes were wrong or ended too often.
  private let excluded = Monitor<[Digest: Set<Int>]>([:])
  private var scope: String { "repository:\(reference.repository):pull" }

  private static let documents = [MediaType.index, MediaType.dockerIndex, MediaType.manifest, MediaType.dockerManifest]

  /// `report` is called from any thread.
  public init(_ reference: RegistryReference, _ access: RegistryAccess, report: @escaping @Sendable (RegistryAttempt) -> Void = { _ in }) {
    self.reference = reference
    places = access.endpoints.map { Registry(reference.registry, $0, access) }
    self.report = report
  }

  /// The first place's answer. If none has one: the failures of all.
  private func first<Result>(
    _ capabilities: RegistryEndpoint.Capabilities, except: Set<Int> = [],
    _ body: (Int, Registry) throws(BerthError) -> Result
  ) throws(BerthError) -> Result {
    var failures: [(place: Registry, error: BerthError)] = []
    for (at, place) in places.enumerated() where place.endpoint.capabilities.isSuperset(of: capabilities) && !except.contains(at) {
      do throws(BerthError) { return try body(at, place) } catch {
        failures.append((place, error))
        if places.count > 1 { report(RegistryAttempt(endpoint: place.text, cause: error.summary)) }
      }
    }
    guard let last = failures.last?.error else {
      throw BerthError(.failedPrecondition, "find registry", reference.registry, cause: "no host of its hosts.toml may be asked for this")
    }
    if failures.count == 1 { throw last }
    let words = failures.map { "\($0.place.text): \($0.error.summary)" }.joined(separator: "; ")
    throw BerthError(last.code, last.operation, reference.registry, cause: "none of \(failures.count) places has it: \(words)")
  }

  public func resolve() throws(BerthError) -> ImageDocument {
    let wanted = reference.digest?.description ?? reference.tag ?? "latest"
    do throws(BerthError) {
      return try first(reference.digest == nil ? [.pull, .resolve] : .pull) { (_, place) throws(BerthError) in
        try self.document(wanted, try self.manifest(wanted, from: place))
      }
    } catch {
      guard error.code == .notFound else { throw error }
      throw BerthError(.notFound, "resolve", reference.description, cause: "there is no such image: \(error.cause)")
    }
  }

  private func document(_ wanted: String, _ answer: HTTPTransfer) throws(BerthError) -> ImageDocument {
    let bytes = try answer.readAll(limit: ImageLimits.documentBytes)
    let digest = Digest.sha256(of: bytes)
    let announced = answer.headers["docker-content-digest"]?.first.flatMap { Digest($0) }
    if let expected = Digest(wanted) ?? announced, expected != digest { throw Self.mismatch(expected, digest) }
    let type = answer.headers["content-type"]?.first?.prefix { $0 != ";" }.trimmed
    guard Self.isDocument(bytes) else {
      throw BerthError(.dataLoss, "read manifest", wanted, cause: "the answer is no manifest but \(Redaction.text(type ?? "of no type"))")
    }
    return ImageDocument(mediaType: type.flatMap { Self.documents.contains($0) ? $0 : nil }, digest: digest, bytes: bytes)
  }

  /// Whether it may be a manifest or an index at all. A login page that stands before a network answers with 200 too, and the next place
  /// may have what is wanted.
  private static func isDocument(_ bytes: [UInt8]) -> Bool {
    guard let json = try? JSON(parsing: bytes) else { return false }
    return ["schemaVersion", "mediaType", "manifests", "layers", "config"].contains { json[$0] != nil }
  }

  private static func mismatch(_ expected: Digest, _ digest: Digest) -> BerthError {
    BerthError(.dataLoss, "verify content", expected.description, cause: "digest mismatch: expected \(expected), got \(digest)")
  }

  private func manifest(_ reference: String, from place: Registry) throws(BerthError) -> HTTPTransfer {
    var call = RegistryCall("GET", "/\(self.reference.repository)/manifests/\(reference)", scope: scope)
    call.headers = ["Accept: \(Self.documents.joined(separator: ", "))"]
    call.timeout = 60_000
    return try place.perform(call)
  }

  public func document(_ descriptor: Descriptor) throws(BerthError) -> [UInt8] {
    let isManifest = MediaType.isIndex(descriptor.mediaType) || MediaType.isManifest(descriptor.mediaType)
    return try first(.pull) { (_, place) throws(BerthError) in
      let answer =
        isManifest
        ? try self.manifest(descriptor.digest.description, from: place) : try self.blob(descriptor.digest, from: place, timeout: 60_000)
      let bytes = try answer.readAll(limit: ImageLimits.documentBytes)
      let digest = Digest.sha256(of: bytes)
      guard digest == descriptor.digest else { throw Self.mismatch(descriptor.digest, digest) }
      return bytes
    }
  }

  private func blob(_ digest: Digest, from place: Registry, offset: Int64 = 0, timeout: Int = 0) throws(BerthError) -> HTTPTransfer {
    var call = RegistryCall("GET", "/\(reference.repository)/blobs/\(digest)", scope: scope)
    call.timeout = timeout
    if offset > 0 {
      call.headers = ["Range: bytes=\(offset)-"]
      call.accepted = [200, 206]
    }
    return try place.perform(call)
  }

  /// A small document by its path below the repository.
  func fetch(_ path: String, limit: Int) throws(BerthError) -> [UInt8] {
    try first(.pull) { (_, place) throws(BerthError) in
      var call = RegistryCall("GET", "/\(self.reference.repository)/\(path)", scope: self.scope)
      call.headers = ["Accept: \(Self.documents.joined(separator: ", "))"]
      call.timeout = 60_000
      return try place.perform(call).readAll(limit: limit)
    }
  }

  public func open(_ descriptor: Descriptor) throws(BerthError) -> any ByteSource {
    try ResumingSource(descriptor) { [self] (offset, exhausted) throws(BerthError) in
      if let exhausted { exclude(exhausted, descriptor.digest) }
      let bad = excluded.with { $0[descriptor.digest] ?? [] }
      return try first(.pull, except: bad) { (at, place) throws(BerthError) in
        serving.with { $0[descriptor.digest] = at }
        return ResumingSource.Part(
          transfer: try self.blob(descriptor.digest, from: place, offset: offset), place: at, retries: place.access.timeouts)
      }
    }
  }

  /// By blob: the place that its bytes came from last.
  private let serving = Monitor<[Digest: Int]>([:])

  private func exclude(_ place: Int, _ digest: Digest) {
    // The only place stays: another try is worth more than none.
    excluded.with { excluded in
      let pulling = places.indices.filter { places[$0].endpoint.capabilities.contains(.pull) }
      if Set(pulling).subtracting(excluded[digest] ?? []).count > 1 { excluded[digest, default: []].insert(place) }
    }
  }

  public func reject(_ descriptor: Descriptor, because error: BerthError) -> Bool {
    guard let place = serving.with({ $0[descriptor.digest] }) else { return false }
    let before = excluded.with { $0[descriptor.digest]?.count ?? 0 }
    exclude(place, descriptor.digest)
    guard excluded.with({ $0[descriptor.digest]?.count ?? 0 }) > before else { return false }
    report(RegistryAttempt(endpoint: places[place].text, cause: error.summary))
    return true
  }
}

extension BerthError {
  /// Without what the place's own name says already.
  var summary: String { operation == "request" || operation == "authenticate" ? cause : "\(operation): \(cause)" }
}
