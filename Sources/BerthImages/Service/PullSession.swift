import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// One worker's life, from the daemon's side: start, answer its claims, take its result, reap it. Whatever becomes of the worker,
/// layers that it has claimed and not delivered are gone afterwards.
final class PullSession {
  private let service: ImageService
  private let reference: ImageReference
  private let task: PullTask
  private let key: String
  private var hasClaimed = false
  /// Granted to the worker and not ready, by the name of the directory.
  private var granted: [Int64: LayerRecord] = [:]
  /// Of layers, to come yet.
  private var pending: Set<Digest> = []
  private var outcome: WorkerMessage.Outcome?
  /// By which the image is admitted; taken before the worker starts, so that a change of them counts from the next pull on.
  private var rules: String?
  /// The digests that the reference was found to mean.
  private var admitted: Set<Digest> = []
  /// As they are fetched, lowest first.
  private var layers: [WorkerMessage.Layer] = []
  /// Bytes of each layer so far.
  private var fetched: [Digest: Int64] = [:]
  private var listing: ArchiveListing?
  private let isListing: Bool
  /// What the image is to be called; nil: as it was asked for. Empty: by its digest alone.
  private let names: [String]?
  private let isPinned: Bool
  /// An image that is known already; nil: what is recorded comes of the pull.
  private let known: ImageRecord?
  private let lease = "pull-\(UInt64.random(in: 0 ... .max))"

  /// `names` and `isPinned` are an import's, `known` is a restoration's.
  init(
    _ service: ImageService, _ reference: ImageReference, _ task: PullTask, names: [String]? = nil, isPinned: Bool = false,
    isListing: Bool = false, known: ImageRecord? = nil
  ) {
    self.known = known
    self.names = names
    self.isPinned = isPinned
    self.isListing = isListing
    self.service = service
    self.reference = reference
    self.task = task
    key = reference.description
  }

  func run() throws(BerthError) -> Image {
    // Taken before the worker reads the file: if it changes meanwhile, the next lookup sees that.
    let source = LocalSource.identity(reference)
    if reference.isLocal, source == nil { throw missingFile() }
    defer { release() }
    do throws(BerthError) { try converse() } catch {
      if task.state.with({ $0.waiting }) == 0 { throw BerthError(.cancelled, "pull image", key, cause: "cancelled") }
      throw error.of("pull image", key)
    }
    guard let outcome else { throw WorkerProtocol.malformed("an end without an outcome") }
    return try record(outcome, source: reference.isLocal ? source : rules)
  }

  /// What the archive at the reference's path holds.
  func list() throws(BerthError) -> ArchiveListing {
    try converse()
    guard let listing else { throw WorkerProtocol.malformed("an end without a listing") }
    return listing
  }

  private func missingFile() -> BerthError {
    let path = reference.path ?? ""
    let file = if case .layout = reference { "\(path)/index.json" } else { path }
    do throws(Errno) { _ = try Files.status(file) } catch {
      return BerthError(error == .notFound ? .notFound : .unavailable, "pull image", key, cause: "\(file): \(error)")
    }
    return BerthError(.unavailable, "pull image", key, cause: "\(file) is changing")
  }

  private func converse() throws(BerthError) {
    rules = try service.registry.trust.identity(of: reference)
    var worker = WorkerProcess(service.workerPath, operation: "pull image", subject: key, hasNetwork: reference.isRemote)
    // Whatever the worker came to, there is none any more then.
    defer { service.content.removeLeftovers(of: lease) }
    try worker.run(try begin(), abandoned: task.abandoned.raw) { (message, answer) throws(BerthError) in try handle(message, answer) }
  }

  /// While the worker starts. It does nothing before it has its job.
  private func begin() throws(BerthError) -> JSON {
    if !isListing {
      // Before the first byte: what this pull counts on is safe from collection, also from one by a daemon that knows nothing of it.
      try service.metadata.addLease(LeaseRecord(id: lease, kind: .pull, subject: key, created: Clock.wallNanoseconds()))
    }
    return try job()
  }

  private func job() throws(BerthError) -> JSON {
    var job = WorkerJob(
      reference: key, content: service.content.root, ingest: lease, layers: "\(service.root)/snapshots/l", platform: service.platform,
      registry: try service.registry.access(for: reference), isListing: isListing,
      wantsSignatures: service.registry.trust.wantsSignatures(for: reference))
    job.marks = service.snapshotter.marks
    return job.json
  }

  /// True for the last message.
  private func handle(_ message: WorkerMessage, _ answer: (JSON) -> Void) throws(BerthError) -> Bool {
    switch message {
    case .attempt(let attempt): task.tell(.attempt(attempt))
    case .resolved(let resolved): try accept(resolved)
    case .progress(let layer, let done, let total):
      count(layer, done, of: total)
      task.tell(.progress(layer: layer, done: done, total: total))
    case .claim(let claims): answer(LayerGrant.json(try grant(claims)))
    case .done(let outcome):
      self.outcome = outcome
      return true
    case .listing(let listing):
      guard isListing else { throw WorkerProtocol.malformed("a listing that nobody asked for") }
      self.listing = listing
      return true
    case .failed(let error): throw error
    case .finished: throw WorkerProtocol.malformed("the end of an errand that nobody gave")
    }
    return false
  }

  /// A layer that is begun anew counts again: its bytes came again.
  private func count(_ layer: Digest, _ done: Int64, of total: Int64) {
    if done >= total { pending.remove(layer) }
    guard layers.contains(where: { $0.digest == layer }) else { return }
    let before = fetched[layer] ?? 0
    let more = done >= before ? done - before : done
    fetched[layer] = done
    service.layers.with { $0.claims.move(lease, by: more, now: .now, isLast: pending.isEmpty) }
    if reference.isRemote { service.pulled.add(more, ordering: .relaxed) }
  }

  /// Whether the image may be used at all is decided here, before the first byte of a layer is fetched.
  private func accept(_ resolved: WorkerMessage.Resolved) throws(BerthError) {
    if case .registry = reference {
      guard let subject = resolved.subject else { throw WorkerProtocol.malformed("a manifest without what led to it") }
      try service.registry.trust.admit(reference, subject: subject, manifest: resolved.manifest, resolved.signatures)
      admitted = [subject.digest, resolved.manifest]
    }
    layers = resolved.layers
    task.tell(.resolved(manifest: resolved.manifest, layers: resolved.layers.map { ($0.digest, $0.size) }))
  }

  /// Refuses at once what can't fit: a layer takes its size as a blob that isn't here yet, and unpacked at least that again.
  private func checkSpace(_ grants: [LayerGrant]) throws(BerthError) {
    guard grants.count == layers.count else { return }
    var needed: Int64 = 0
    for (grant, layer) in zip(grants, layers) {
      let copies: Int64 = (service.content.contains(layer.digest, size: layer.size) ? 0 : 1) + (grant.isReady ? 0 : 1)
      needed += layer.size * copies
    }
    guard needed > 0, let free = try? DiskSpace.of(service.root).available, free < needed else { return }
    throw BerthError(
      .resourceExhausted, "pull image", key,
      cause: "it needs at least \(needed >> 20) MiB below \(service.root), and \(free >> 20) MiB are free; "
        + "berth image prune removes what nothing needs")
  }

  /// Waits until no other pull gets on with any of the layers, then takes those that aren't ready.
  private func grant(_ claims: [LayerClaim]) throws(BerthError) -> [LayerGrant] {
    guard !hasClaimed else { throw WorkerProtocol.malformed("a second claim") }
    hasClaimed = true
    let chains = Set(claims.map(\.chain))
    take(chains)
    let records = try service.metadata.claimLayers(
      claims.map { ($0.chain, $0.diff, $0.parent) }, lease: lease, created: Clock.wallNanoseconds() / 1_000_000_000, boot: service.boot
    ) { Files.exists(service.directory($0.id)) }
    for record in records where !record.isReady { granted[record.id] = record }
    let begun = Set(granted.values.map(\.chain))
    service.layers.with { $0.pruned.subtract(begun) }
    if records.count == layers.count { pending = Set(zip(records, layers).filter { !$0.0.isReady }.map(\.1.digest)) }
    let grants = records.map { LayerGrant(id: $0.id, isReady: $0.isReady) }
    try checkSpace(grants)
    return grants
  }

  private func take(_ chains: Set<Digest>) {
    var alarm: Timers.Alarm?
    defer { alarm?.cancel() }
    let layers = service.layers
    layers.wait { use -> Void? in
      guard let look = use.claims.take(chains, for: lease, now: .now) else { return () }
      alarm?.cancel()
      // Waking the wait is all there is to do.
      alarm = Timers.shared.wake(at: look) { layers.with { _ in } }
      return nil
    }
  }

  /// Makes the image known. The worker has put its blobs on stable storage before it said so.
  private func record(_ outcome: WorkerMessage.Outcome, source: String?) throws(BerthError) -> Image {
    if let known {
      guard outcome.manifest == known.manifest else { throw WorkerProtocol.malformed("the image restored is another one") }
    } else if case .registry = reference {
      guard admitted.contains(outcome.manifest) else { throw WorkerProtocol.malformed("the image delivered is not the image resolved") }
    }
    guard Set(outcome.layers.keys) == Set(granted.keys) else {
      throw WorkerProtocol.malformed("the layers delivered are not the layers granted")
    }
    // Not while a collection reckons what is needed.
    service.layers.wait { use -> Void? in
      guard !use.isPruning else { return nil }
      use.recording += 1
      return ()
    }
    defer { service.layers.with { $0.recording -= 1 } }
    let records = known.map { [$0] } ?? records(outcome, source: source)
    service.layers.with { use in for record in records { use.cache[record.reference] = nil } }
    let unpacked = granted.values.map { layer in
      var layer = layer
      layer.size = outcome.layers[layer.id] ?? 0
      return layer
    }
    let surplus = try service.metadata.putImages(records, readyLayers: unpacked)
    service.noteUnpacked(Set(unpacked.map(\.id)))
    // What is left goes with the claim.
    granted = granted.filter { surplus.contains($0.key) }
    guard let record = records.first, let image = try service.load(record) else {
      throw BerthError(.dataLoss, "pull image", key, cause: "what berth-worker delivered is not complete")
    }
    service.layers.with { $0.cache[record.reference] = ImageService.CachedImage(image: image, source: record.source) }
    return image
  }

  private func records(_ outcome: WorkerMessage.Outcome, source: String?) -> [ImageRecord] {
    let names = names.map { $0.isEmpty ? [outcome.manifest.description] : $0 } ?? [key]
    return names.map { name in
      ImageRecord(
        reference: name, manifest: outcome.manifest, mediaType: outcome.mediaType, index: outcome.index,
        source: self.names == nil ? source : ImageTrust.imported, created: Clock.wallNanoseconds() / 1_000_000_000, isPinned: isPinned)
    }
  }

  private func release() {
    for id in granted.keys {
      try? service.metadata.removeLayer(id)
      service.removeTree("\(service.root)/snapshots/l", "\(id)")
    }
    service.layers.with { $0.claims.drop(lease) }
    // What can't be removed now goes at the next start.
    try? service.reserve.withRoom { () throws(BerthError) in try service.metadata.removeLease(lease) }
  }
}
