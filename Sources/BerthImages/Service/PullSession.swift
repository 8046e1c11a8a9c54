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
  private var claimed: [Digest] = []
  /// Directories granted to the worker: identifier of those that aren't ready.
  private var granted: Set<Int64> = []
  private var outcome: WorkerMessage.Outcome?
  private var failure: BerthError?
  private var complaint: [UInt8] = []
  private var listing: ArchiveListing?
  private let isListing: Bool
  /// What the image is to be called; nil: as it was asked for. Empty: by its digest alone.
  private let names: [String]?
  private let isPinned: Bool
  private let lease = "pull-\(UInt64.random(in: 0 ... .max))"

  /// `names` and `isPinned` are an import's.
  init(
    _ service: ImageService, _ reference: ImageReference, _ task: PullTask, names: [String]? = nil, isPinned: Bool = false,
    isListing: Bool = false
  ) {
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
    // Before the first byte: what this pull counts on is safe from collection, also from one by a daemon that knows nothing of it.
    try service.metadata.addLease(LeaseRecord(id: lease, kind: .pull, subject: key, created: Clock.wallNanoseconds()))
    defer { release() }
    let exit = try converse()
    if task.state.with({ $0.waiting }) == 0 { throw BerthError(.cancelled, "pull image", key, cause: "cancelled") }
    if let failure { throw failure.of("pull image", key) }
    guard let outcome, exit == .code(0) else { throw died(exit) }
    return try record(outcome, source: source)
  }

  /// What the archive at the reference's path holds.
  func list() throws(BerthError) -> ArchiveListing {
    let exit = try converse()
    if let failure { throw failure }
    guard let listing, exit == .code(0) else { throw died(exit) }
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

  private func died(_ exit: ChildChannel.Exit) -> BerthError {
    let words = String(decoding: complaint.suffix(500), as: UTF8.self).split(separator: "\n").first.map { ": \($0)" } ?? ""
    return BerthError(.unavailable, "pull image", key, cause: "berth-worker ended early with \(exit)\(words)")
  }

  private func converse() throws(BerthError) -> ChildChannel.Exit {
    do throws(Errno) {
      let socket = try ChildChannel.pair()
      let errors = try ChildChannel.pipe()
      let pid = try Spawn.start(
        service.workerPath, arguments: ["berth-worker"],
        descriptors: [(0, socket.child.raw), (1, socket.child.raw), (2, errors.child.raw)])
      // The worker's ends live in the worker alone from here on, so that its death is the end of both streams.
      let ours = socket.keepOurs()
      let complaints = errors.keepOurs()
      talk(ours, complaints)
      // Nothing it could still do is wanted: it has broken the protocol, or failed, or nobody waits.
      if outcome == nil, listing == nil { ChildChannel.kill(pid) }
      return try ChildChannel.wait(for: pid)
    } catch { throw BerthError(.unavailable, "pull image", key, cause: "berth-worker (\(service.workerPath)) can't be run: \(error)") }
  }

  private func talk(_ socket: borrowing FD, _ errors: borrowing FD) {
    var lines = LineBuffer()
    var errorsOpen = true
    do throws(BerthError) {
      try send(try job(), to: socket)
      while outcome == nil, failure == nil, listing == nil {
        let ready = try Self.wait([socket.raw, errorsOpen ? errors.raw : -1, task.abandoned.raw])
        if ready[2] { return }
        if ready[1] {
          let bytes = (try? errors.read(upTo: 4096)) ?? []
          if bytes.isEmpty { errorsOpen = false } else if complaint.count < 1 << 16 { complaint += bytes }
        }
        guard ready[0] else { continue }
        let bytes = (try? socket.read(upTo: 1 << 16)) ?? []
        if bytes.isEmpty {
          drain(errors, while: errorsOpen)
          return
        }
        try lines.append(bytes)
        while let line = lines.next() { try handle(line, socket) }
      }
    } catch { failure = error }
  }

  private func drain(_ errors: borrowing FD, while isOpen: Bool) {
    guard isOpen else { return }
    while complaint.count < 1 << 16, let bytes = try? errors.read(upTo: 4096), !bytes.isEmpty { complaint += bytes }
  }

  private static func wait(_ numbers: [Int32]) throws(BerthError) -> [Bool] {
    do throws(Errno) { return try ChildChannel.waitReadable(numbers) } catch {
      throw BerthError(.bug, "wait for berth-worker", cause: "\(error)")
    }
  }

  private func send(_ message: JSON, to socket: borrowing FD) throws(BerthError) {
    // A worker that is gone is noticed by its end, which says more.
    do throws(Errno) { try ChildChannel.send(socket, message.encoded() + [10]) } catch {}
  }

  private func job() throws(BerthError) -> JSON {
    WorkerJob(
      reference: key, content: service.content.root, layers: "\(service.root)/snapshots/l", platform: service.platform,
      registry: try service.registry.access(for: reference), isListing: isListing
    ).json
  }

  private func handle(_ line: [UInt8], _ socket: borrowing FD) throws(BerthError) {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: line) } catch { throw WorkerProtocol.malformed("a line is not valid JSON: \(error)") }
    switch try WorkerMessage(json) {
    case .attempt(let attempt): task.tell(.attempt(attempt))
    case .resolved(let manifest, let layers): task.tell(.resolved(manifest: manifest, layers: layers.map { ($0.digest, $0.size) }))
    case .progress(let layer, let done, let total): task.tell(.progress(layer: layer, done: done, total: total))
    case .claim(let claims): try send(LayerGrant.json(try grant(claims)), to: socket)
    case .done(let outcome): self.outcome = outcome
    case .listing(let listing):
      guard isListing else { throw WorkerProtocol.malformed("a listing that nobody asked for") }
      self.listing = listing
    case .failed(let error): failure = error
    }
  }

  /// Waits until no other pull is at work on any of the layers, then takes those that aren't ready. All at once, so that two pulls
  /// can't wait for each other.
  private func grant(_ claims: [LayerClaim]) throws(BerthError) -> [LayerGrant] {
    guard claimed.isEmpty else { throw WorkerProtocol.malformed("a second claim") }
    let chains = Set(claims.map(\.chain))
    service.layers.wait { use -> Void? in
      guard use.claimed.isDisjoint(with: chains) else { return nil }
      use.claimed.formUnion(chains)
      return ()
    }
    claimed = Array(chains)
    try service.metadata.extendLease(lease, chains.map { .layer($0) })
    var grants: [LayerGrant] = []
    for claim in claims {
      if let known = try service.metadata.layer(claim.chain) {
        if known.isReady, Files.exists(service.directory(known.id)) {
          grants.append(LayerGrant(id: known.id, isReady: true))
          continue
        }
        try service.metadata.removeLayer(known.id)
      }
      service.layers.with { _ = $0.pruned.remove(claim.chain) }
      let id = try service.metadata.addLayer(
        chain: claim.chain, diff: claim.diff, parent: claim.parent, created: Clock.wallNanoseconds() / 1_000_000_000)
      granted.insert(id)
      grants.append(LayerGrant(id: id, isReady: false))
    }
    return grants
  }

  /// Makes the image known. The worker has put all of it on stable storage before it said so.
  private func record(_ outcome: WorkerMessage.Outcome, source: String?) throws(BerthError) -> Image {
    guard Set(outcome.layers.keys) == granted else { throw WorkerProtocol.malformed("the layers delivered are not the layers granted") }
    // Not while a collection reckons what is needed.
    service.layers.wait { use -> Void? in
      guard !use.isPruning else { return nil }
      use.recording += 1
      return ()
    }
    defer { service.layers.with { $0.recording -= 1 } }
    let names = names.map { $0.isEmpty ? [outcome.manifest.description] : $0 } ?? [key]
    let records = names.map { name in
      ImageRecord(
        reference: name, manifest: outcome.manifest, mediaType: outcome.mediaType, index: outcome.index,
        source: self.names == nil ? source : nil, created: Clock.wallNanoseconds() / 1_000_000_000, isPinned: isPinned)
    }
    service.layers.with { use in for name in names { use.cache[name] = nil } }
    try service.metadata.putImages(records, readyLayers: outcome.layers)
    granted = []
    guard let record = records.first, let image = try service.load(record) else {
      throw BerthError(.dataLoss, "pull image", key, cause: "what berth-worker delivered is not complete")
    }
    service.layers.with { $0.cache[record.reference] = ImageService.CachedImage(image: image, source: record.source) }
    return image
  }

  private func release() {
    for id in granted {
      try? service.metadata.removeLayer(id)
      service.removeTree("\(service.root)/snapshots/l", "\(id)")
    }
    service.layers.with { $0.claimed.subtract(claimed) }
    // What can't be removed now goes at the next start.
    try? service.reserve.withRoom { () throws(BerthError) in try service.metadata.removeLease(lease) }
  }
}
