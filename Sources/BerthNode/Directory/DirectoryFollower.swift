import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan

/// The watcher thread's state: model, watches and timers. Effects are reads of the manifest directory alone.
struct DirectoryFollower {
  let options: ManifestDirectory.Options
  let watches: InotifyWatches
  private let reader: ManifestReader
  private(set) var model: DirectoryModel
  /// Watched directories by their resolved path, with the paths under which the walk came to them.
  private var watched: [String: Set<String>] = [:]
  /// Resolved paths of the directory itself, of every symlink on the way to a manifest or directory and of what it leads to: whatever
  /// happens to one of them is a reason to scan.
  private var landmarks: Set<String> = []
  /// The manifests that take content from a file, by the file's path.
  private var contentUsers: [String: Set<String>] = [:]
  private var nextResync: Instant
  private var warning: String?
  private var lastPublishedWarning: String?
  /// Whether the last walk missed a directory that was renamed under it: what it didn't see isn't gone, and another walk is to follow.
  private var isOvertaken = false
  /// Files that are being written, and since when: named in status after 5 s.
  private var beingWritten: [String: Instant] = [:]

  static let longestWrite: Duration = .seconds(5)
  /// How often everything is looked at where the kernel gives no more watches.
  static let pollInterval: Duration = .seconds(2)
  static let overtakenPause: Duration = .milliseconds(10)

  init(options: ManifestDirectory.Options, watches: InotifyWatches, known: [(key: PodKey, path: String, pod: DesiredPod)]) {
    self.options = options
    self.watches = watches
    reader = ManifestReader(owner: options.owner)
    model = DirectoryModel(removalDelay: options.removalDelay, pruneGuard: options.pruneGuard)
    for entry in known { model.restore(key: entry.key, path: entry.path, pod: entry.pod) }
    nextResync = Self.now()
  }

  var descriptor: Int32 { watches.descriptor }
  /// Whether no removal waits for its time.
  var isSettled: Bool { model.nextDue == nil }

  static func now() -> Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }

  func untilNextDue() -> Duration {
    if isOvertaken { return max(nextResync - Self.now(), .zero) }
    var due = nextResync
    if let removal = model.nextDue, !isAwaitingWriter { due = min(due, removal) }
    if let oldest = beingWritten.values.min() { due = min(due, oldest + Self.longestWrite) }
    return max(due - Self.now(), .zero)
  }

  // MARK: what can happen

  mutating func handleEvents() -> ManifestDirectory.Update? {
    let events = watches.drain()
    let now = Self.now()
    var seen: Set<String> = []
    var needsScan = false
    // The files first, whatever else there is: only events tell a reported removal from a file that is merely not to be found.
    for event in events {
      needsScan = needsScan || isStructural(event)
      if let users = contentUsers["\(event.directory)/\(event.name)"], event.kind != .subdirectory {
        for path in users where seen.insert(path).inserted { look(at: path, now: now) }
        continue
      }
      guard Self.isManifestName(event.name), event.kind == .changed || event.kind == .removed else { continue }
      for directory in watched[event.directory] ?? [] {
        let path = "\(directory)/\(event.name)"
        let isRemoved = event.kind == .removed
        // Of several events the file's state is one, but a removal among them was reported.
        guard seen.insert(path).inserted || isRemoved else {
          model.spokenOf(path, now: now)
          continue
        }
        look(at: path, reportedGone: isRemoved, isSpokenOf: !isRemoved, now: now)
      }
    }
    return needsScan || isOvertaken ? scan() : settleAndPublish(now: now)
  }

  /// Whether only a scan can tell what an event means.
  private func isStructural(_ event: InotifyWatches.Event) -> Bool {
    switch event.kind {
    case .structure, .overflow: return true
    case .subdirectory, .changed, .removed: break
    }
    let path = event.directory == "/" ? "/\(event.name)" : "\(event.directory)/\(event.name)"
    // Who takes its content is looked at without a scan.
    if landmarks.contains(path) { return contentUsers[path] == nil || event.kind == .subdirectory }
    // A directory on the way to one of ours is watched for its landmarks alone.
    guard watched[event.directory]?.isEmpty == false, !event.name.hasPrefix("."), !event.name.hasSuffix("~") else { return false }
    if event.kind == .subdirectory { return true }
    // A new symlink leads to who knows what.
    return event.kind == .changed && (try? Files.linkStatus(path))?.kind == .symlink
  }

  mutating func handleTime() -> ManifestDirectory.Update? {
    let now = Self.now()
    if nextResync <= now { return scan() }
    for (path, since) in beingWritten where since + Self.longestWrite <= now { look(at: path, now: now) }
    // What is to be removed must still be absent.
    for path in model.dueRemovals(now: now) where (try? Files.linkStatus(path)) != nil { look(at: path, now: now) }
    return settleAndPublish(now: now)
  }

  /// Reads all that changed since the last look, whatever the events said.
  mutating func scan(prune: Bool = false) -> ManifestDirectory.Update {
    let now = Self.now()
    var walk = Walk()
    warning = visit(options.path, depth: 0, &walk)
    for path in contentUsers.keys { trace(path, always: true, &walk) }
    if let reason = walk.unwatched { warning = warning ?? reason }
    nextResync = now + (walk.unwatched == nil ? options.resyncInterval : min(options.resyncInterval, Self.pollInterval))
    isOvertaken = walk.isOvertaken
    if isOvertaken { nextResync = now + Self.overtakenPause }
    for directory in Set(watched.keys).subtracting(walk.directories.keys) { watches.unwatch(directory) }
    watched = walk.directories
    landmarks = walk.landmarks
    if walk.complete {
      for path in model.knownPaths.subtracting(walk.files.map(\.path)) { model.missing(path, reported: false, now: now) }
    }
    model.reserve(walk.files.count)
    for (path, identity) in walk.files {
      if let identity, model.identity(of: path) == identity, !ContentReader.differs(model.contents(of: path)) { continue }
      look(at: path, isSpokenOf: true, now: now)
    }
    if prune { model.confirmRemovals() }
    var update = settleAndPublish(now: now) ?? ManifestDirectory.Update(entries: [:], warning: currentWarning)
    update.isResync = true
    return update
  }

  // MARK: steps

  /// `isSpokenOf`: an event or a listing has said that something came there.
  private mutating func look(at path: String, reportedGone: Bool = false, isSpokenOf: Bool = false, now: Instant) {
    let outcome = reader.read(path)
    // What is read is known from then on.
    if isSpokenOf, !outcome.isRead { model.spokenOf(path, now: now) }
    switch outcome {
    case .read(let file):
      beingWritten[path] = nil
      follow(contentsOf: file, at: path)
      model.found(file, at: path)
    case .beingWritten:
      let since = beingWritten[path] ?? now
      beingWritten[path] = since
      // It is there, whatever becomes of it.
      model.present(path)
      guard since + Self.longestWrite <= now else { return }
      beingWritten[path] = now
      model.found(
        ManifestFile(refused: "\(path): is being written for over 5 s; it is read once its writer closes it", identity: .unknown), at: path)
    case .absent:
      beingWritten[path] = nil
      model.missing(path, reported: reportedGone, now: now)
    }
  }

  /// Watches the files that a manifest takes content from, whether they are there or not.
  private mutating func follow(contentsOf file: ManifestFile, at path: String) {
    for gone in model.contents(of: path).keys where file.contents[gone] == nil {
      contentUsers[gone]?.remove(path)
      if contentUsers[gone]?.isEmpty == true { contentUsers[gone] = nil }
    }
    var walk = Walk()
    for content in file.contents.keys where contentUsers[content, default: []].insert(path).inserted { trace(content, always: true, &walk) }
    landmarks.formUnion(walk.landmarks)
    for directory in walk.directories.keys where watched[directory] == nil { watched[directory] = [] }
  }

  private mutating func settleAndPublish(now: Instant) -> ManifestDirectory.Update? {
    if !isOvertaken, !isAwaitingWriter, !watches.hasEvents { model.settle(now: now) }
    let entries = model.takeChanges()
    let warning = currentWarning
    defer { lastPublishedWarning = warning }
    return entries.isEmpty && warning == lastPublishedWarning ? nil : ManifestDirectory.Update(entries: entries, warning: warning)
  }

  /// Whether a new file isn't read yet, since it is being written: a removed one may have become it, and no removal counts until then.
  private var isAwaitingWriter: Bool { beingWritten.keys.contains { model.identity(of: $0) == nil } }

  private var currentWarning: String? {
    let held = model.heldRemovals
    if held.isEmpty { return warning }
    let more = held.count > 3 ? ", …" : ""
    return "\(held.count) manifests are gone without the kernel having reported it (\(held.prefix(3).joined(separator: ", "))\(more)): "
      + "their pods are kept; confirm with `berth sync --prune` or bring the files back"
  }
}
