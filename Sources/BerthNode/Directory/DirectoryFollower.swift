import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan

/// The watcher thread's state: model, watches and timers. Effects are reads of the manifest directory alone.
struct DirectoryFollower {
  private let options: ManifestDirectory.Options
  private let watches: InotifyWatches
  private let reader: ManifestReader
  private var model: DirectoryModel
  /// Watched directories by their resolved path, with the paths under which the walk came to them.
  private var watched: [String: Set<String>] = [:]
  private var nextResync: Instant
  private var warning: String?
  private var lastPublishedWarning: String?
  /// Files that are being written, and since when: named in status after 5 s.
  private var beingWritten: [String: Instant] = [:]

  static let longestWrite: Duration = .seconds(5)
  static let maximumDepth = 16
  static let maximumFiles = 100_000

  init(options: ManifestDirectory.Options, watches: InotifyWatches, known: [(key: PodKey, path: String, pod: DesiredPod)]) {
    self.options = options
    self.watches = watches
    reader = ManifestReader(owner: options.owner)
    model = DirectoryModel(removalDelay: options.removalDelay, pruneGuard: options.pruneGuard)
    for entry in known { model.restore(key: entry.key, path: entry.path, pod: entry.pod) }
    nextResync = Self.now()
  }

  var descriptor: Int32 { watches.descriptor }

  static func now() -> Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }

  func untilNextDue() -> Duration {
    var due = nextResync
    if let removal = model.nextDue { due = min(due, removal) }
    if let oldest = beingWritten.values.min() { due = min(due, oldest + Self.longestWrite) }
    return max(due - Self.now(), .zero)
  }

  // MARK: what can happen

  mutating func handleEvents() -> ManifestDirectory.Update? {
    let events = watches.drain()
    let needsScan = events.contains { event in
      switch event.kind {
      case .structure, .overflow: true
      case .changed, .removed: !Self.isManifestName(event.name) && !Self.isIgnored(event.name) && mayBeStructure(event)
      }
    }
    if needsScan { return scan() }
    let now = Self.now()
    var seen: Set<String> = []
    for event in events where Self.isManifestName(event.name) {
      for directory in watched[event.directory] ?? [] where seen.insert("\(directory)/\(event.name)").inserted {
        look(at: "\(directory)/\(event.name)", reportedGone: event.kind == .removed, now: now)
      }
    }
    return settleAndPublish(now: now)
  }

  mutating func handleTime() -> ManifestDirectory.Update? {
    let now = Self.now()
    if nextResync <= now { return scan() }
    for (path, since) in beingWritten where since + Self.longestWrite <= now { look(at: path, reportedGone: false, now: now) }
    return settleAndPublish(now: now)
  }

  /// Reads all that changed since the last look, whatever the events said.
  mutating func scan(prune: Bool = false) -> ManifestDirectory.Update {
    let now = Self.now()
    nextResync = now + options.resyncInterval
    var walk = Walk()
    warning = visit(options.path, depth: 0, &walk)
    for directory in Set(watched.keys).subtracting(walk.directories.keys) { watches.unwatch(directory) }
    watched = walk.directories
    if walk.complete {
      for path in model.knownPaths.subtracting(walk.files) { model.missing(path, reported: false, now: now) }
    }
    for path in walk.files.sorted() {
      if let status = try? Files.status(path), model.identity(of: path) == FileIdentity(status) { continue }
      look(at: path, reportedGone: false, now: now)
    }
    return settleAndPublish(now: now, confirmed: prune) ?? ManifestDirectory.Update(entries: [:], warning: currentWarning)
  }

  // MARK: steps

  private mutating func look(at path: String, reportedGone: Bool, now: Instant) {
    switch reader.read(path) {
    case .read(let file):
      beingWritten[path] = nil
      model.found(file, at: path)
    case .beingWritten:
      let since = beingWritten[path] ?? now
      beingWritten[path] = since
      guard since + Self.longestWrite <= now, let status = try? Files.status(path) else { return }
      beingWritten[path] = now
      model.found(
        ManifestFile(
          content: .refused("\(path): is being written for over 5 s; it is read once its writer closes it"), identity: FileIdentity(status)),
        at: path)
    case .absent:
      beingWritten[path] = nil
      model.missing(path, reported: reportedGone, now: now)
    }
  }

  private mutating func settleAndPublish(now: Instant, confirmed: Bool = false) -> ManifestDirectory.Update? {
    model.settle(now: now, confirmed: confirmed)
    let entries = model.takeChanges()
    let warning = currentWarning
    defer { lastPublishedWarning = warning }
    return entries.isEmpty && warning == lastPublishedWarning ? nil : ManifestDirectory.Update(entries: entries, warning: warning)
  }

  private var currentWarning: String? {
    let held = model.heldRemovals
    if held.isEmpty { return warning }
    return "\(held.count) manifests are gone without the kernel having reported it (\(held.prefix(3).joined(separator: ", "))…): "
      + "their pods are kept; confirm with `berth sync --prune` or bring the files back"
  }

  // MARK: the walk

  private struct Walk {
    var directories: [String: Set<String>] = [:]
    var files: Set<String> = []
    /// False once anything was unreadable: what wasn't seen is then not gone.
    var complete = true
  }

  /// Returns what hinders the visit of `path`, nil if nothing does.
  private func visit(_ path: String, depth: Int, _ walk: inout Walk) -> String? {
    do throws(Errno) {
      try watchLinks(of: path, &walk)
      let resolved = try Files.realPath(path)
      // A symlink that leads back up would go round for ever.
      if walk.directories[resolved]?.contains(where: { path.hasPrefix($0 + "/") }) == true { return nil }
      if let reason = ManifestReader.untrusted(try Files.status(resolved), owner: options.owner) {
        walk.complete = false
        return "\(path): \(reason); nothing in it is obeyed, running pods are kept"
      }
      // Watched before it is listed: what comes in between is an event.
      try watches.watch(resolved)
      walk.directories[resolved, default: []].insert(path)
      return try visitEntries(of: path, depth: depth, &walk)
    } catch {
      walk.complete = false
      return "\(path): cannot be read: \(error); running pods are kept"
    }
  }

  private func visitEntries(of path: String, depth: Int, _ walk: inout Walk) throws(Errno) -> String? {
    var warning: String?
    for name in try Files.list(path) where !name.hasPrefix(".") && !name.hasSuffix("~") {
      let entry = "\(path)/\(name)"
      guard let status = try? Files.status(entry) else {
        if Self.isManifestName(name), (try? Files.linkStatus(entry))?.kind == .symlink { try? watchLinks(of: entry, &walk) }
        continue
      }
      if status.kind == .directory {
        guard depth < Self.maximumDepth else { return "\(entry): nested deeper than \(Self.maximumDepth) directories; not looked at" }
        warning = visit(entry, depth: depth + 1, &walk) ?? warning
      } else if Self.isManifestName(name) {
        guard walk.files.count < Self.maximumFiles else {
          return "\(path): more than \(Self.maximumFiles) manifests; the rest is not looked at"
        }
        walk.files.insert(entry)
        try? watchLinks(of: entry, &walk)
      }
    }
    return warning
  }

  /// Watches the directory of every symlink on the way to `path`, so that its swap is seen. The directories get no logical path:
  /// an event there is a reason to scan.
  private func watchLinks(of path: String, _ walk: inout Walk) throws(Errno) {
    var current = path
    for _ in 0..<8 {
      guard let status = try? Files.linkStatus(current) else {
        // What is missing may come: look at the nearest directory above that is there.
        try watchParent(of: current, &walk)
        return
      }
      guard status.kind == .symlink else {
        if current != path || current == options.path { try watchParent(of: current, &walk) }
        return
      }
      try watchParent(of: current, &walk)
      let target = try Files.readLink(current)
      current = target.hasPrefix("/") ? target : "\(Files.parent(of: current))/\(target)"
    }
  }

  private func watchParent(of path: String, _ walk: inout Walk) throws(Errno) {
    var parent = Files.parent(of: path)
    while !Files.exists(parent), parent != "/", parent != "." { parent = Files.parent(of: parent) }
    let resolved = try Files.realPath(parent)
    try watches.watch(resolved)
    if walk.directories[resolved] == nil { walk.directories[resolved] = [] }
  }

  /// Whether an event in one of our directories, on a name that is no manifest, may be a symlink or a part of a path to one.
  private func mayBeStructure(_ event: InotifyWatches.Event) -> Bool {
    let path = "\(event.directory)/\(event.name)"
    guard watched[event.directory]?.isEmpty == false else {
      // A directory above, watched only for symlinks on the way: most of what happens there is not about us.
      return watched.keys.contains { $0 == path || $0.hasPrefix(path + "/") } || options.path == path || options.path.hasPrefix(path + "/")
        || (try? Files.linkStatus(path))?.kind == .symlink
    }
    if event.kind == .removed { return true }
    let kind = (try? Files.linkStatus(path))?.kind
    return kind == nil || kind == .symlink || kind == .directory
  }

  /// Whether an event on `name` says nothing. `..data` is how Kubernetes swaps the content of a volume.
  private static func isIgnored(_ name: String) -> Bool { name.hasSuffix("~") || (name.hasPrefix(".") && !name.hasPrefix("..data")) }
  private static func isManifestName(_ name: String) -> Bool { name.hasSuffix(".toml") && !name.hasPrefix(".") }
}
