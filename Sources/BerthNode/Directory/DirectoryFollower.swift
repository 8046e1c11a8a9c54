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
  /// Whether no removal waits for its time.
  var isSettled: Bool { model.nextDue == nil }

  static func now() -> Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }

  func untilNextDue() -> Duration {
    if isOvertaken { return max(nextResync - Self.now(), .zero) }
    var due = nextResync
    if let removal = model.nextDue { due = min(due, removal) }
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
        for path in users where seen.insert(path).inserted { look(at: path, reportedGone: false, now: now) }
        continue
      }
      guard Self.isManifestName(event.name), event.kind == .changed || event.kind == .removed else { continue }
      for directory in watched[event.directory] ?? [] {
        let path = "\(directory)/\(event.name)"
        // Of several events the file's state is one, but a removal among them was reported.
        guard seen.insert(path).inserted || event.kind == .removed else { continue }
        look(at: path, reportedGone: event.kind == .removed, now: now)
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
    for (path, since) in beingWritten where since + Self.longestWrite <= now { look(at: path, reportedGone: false, now: now) }
    // What is to be removed must still be absent.
    for path in model.dueRemovals(now: now) where (try? Files.linkStatus(path)) != nil { look(at: path, reportedGone: false, now: now) }
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
      for path in model.knownPaths.subtracting(walk.files) { model.missing(path, reported: false, now: now) }
    }
    for path in walk.files.sorted() {
      if let status = try? Files.status(path), model.identity(of: path) == FileIdentity(status),
        !ContentReader.differs(model.contents(of: path))
      {
        continue
      }
      look(at: path, reportedGone: false, now: now)
    }
    if prune { model.confirmRemovals() }
    var update = settleAndPublish(now: now) ?? ManifestDirectory.Update(entries: [:], warning: currentWarning)
    update.isResync = true
    return update
  }

  // MARK: steps

  private mutating func look(at path: String, reportedGone: Bool, now: Instant) {
    switch reader.read(path) {
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
        ManifestFile(content: .refused("\(path): is being written for over 5 s; it is read once its writer closes it"), identity: .unknown),
        at: path)
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
    if !isOvertaken { model.settle(now: now) }
    let entries = model.takeChanges()
    let warning = currentWarning
    defer { lastPublishedWarning = warning }
    return entries.isEmpty && warning == lastPublishedWarning ? nil : ManifestDirectory.Update(entries: entries, warning: warning)
  }

  private var currentWarning: String? {
    let held = model.heldRemovals
    if held.isEmpty { return warning }
    let more = held.count > 3 ? ", …" : ""
    return "\(held.count) manifests are gone without the kernel having reported it (\(held.prefix(3).joined(separator: ", "))\(more)): "
      + "their pods are kept; confirm with `berth sync --prune` or bring the files back"
  }

  // MARK: the walk

  private struct Walk {
    var directories: [String: Set<String>] = [:]
    var landmarks: Set<String> = []
    var files: Set<String> = []
    /// False once anything was unreadable: what wasn't seen is then not gone.
    var complete = true
    /// Whether a directory was gone when it was to be read.
    var isOvertaken = false
    /// Why a directory couldn't be watched.
    var unwatched: String?
  }

  /// Returns what hinders the visit of `path`, nil if nothing does.
  private func visit(_ path: String, depth: Int, _ walk: inout Walk) -> String? {
    do throws(Errno) {
      if depth == 0 { trace(path, always: true, &walk) }
      let resolved = try Files.realPath(path)
      // A symlink that leads back up would go round for ever.
      if walk.directories[resolved]?.contains(where: { path.hasPrefix($0 + "/") }) == true { return nil }
      if let reason = ManifestReader.untrusted(try Files.status(resolved), owner: options.owner) {
        walk.complete = false
        return "\(path): \(reason); nothing in it is obeyed, running pods are kept"
      }
      // Watched before it is listed: what comes in between is an event.
      watch(resolved, &walk)
      walk.directories[resolved, default: []].insert(path)
      return try visitEntries(of: path, depth: depth, &walk)
    } catch {
      walk.complete = false
      if depth > 0, error == .notFound {
        walk.isOvertaken = true
        return nil
      }
      return "\(path): cannot be read: \(error); running pods are kept"
    }
  }

  private func visitEntries(of path: String, depth: Int, _ walk: inout Walk) throws(Errno) -> String? {
    var warning: String?
    for name in try Files.list(path) where !name.hasPrefix(".") && !name.hasSuffix("~") {
      let entry = "\(path)/\(name)"
      if (try? Files.linkStatus(entry))?.kind == .symlink { trace(entry, always: false, &walk) }
      guard let status = try? Files.status(entry) else {
        warning = visitUnreadable(entry, &walk) ?? warning
        continue
      }
      if status.kind == .directory {
        guard depth < Self.maximumDepth else {
          walk.complete = false
          warning = "\(entry): nested deeper than \(Self.maximumDepth) directories; not looked at"
          continue
        }
        warning = visit(entry, depth: depth + 1, &walk) ?? warning
      } else if Self.isManifestName(name) {
        guard walk.files.count < Self.maximumFiles else {
          walk.complete = false
          return "\(path): more than \(Self.maximumFiles) manifests; the rest is not looked at"
        }
        walk.files.insert(entry)
      }
    }
    return warning
  }

  /// A name that leads nowhere, or a file that went away while it was looked at.
  private func visitUnreadable(_ entry: String, _ walk: inout Walk) -> String? {
    guard (try? Files.linkStatus(entry)) != nil else { return nil }
    if Self.isManifestName(entry) {
      // The reader says what is wrong with it.
      walk.files.insert(entry)
      return nil
    }
    // Where a symlinked directory of manifests was, its absence is not theirs.
    guard model.knownPaths.contains(where: { $0.hasPrefix(entry + "/") }) else { return nil }
    walk.complete = false
    return "\(entry): leads nowhere; pods from it are kept"
  }

  /// Follows `path` component by component, as the kernel does, and watches the directory of every symlink on the way, of what it leads
  /// to, and of the nearest directory above what is missing. Those directories get no logical path: an event there is a reason to scan.
  private func trace(_ path: String, always: Bool, _ walk: inout Walk) {
    var rest = path.split(separator: "/").map(String.init)
    var current = ""
    var hops = 0
    while !rest.isEmpty {
      let name = rest.removeFirst()
      if name == "." { continue }
      if name == ".." {
        current = current.isEmpty ? "" : String(current[..<(current.lastIndex(of: "/") ?? current.startIndex)])
        continue
      }
      let next = "\(current)/\(name)"
      let kind = (try? Files.linkStatus(next))?.kind
      if kind == nil || kind == .symlink || (rest.isEmpty && (always || hops > 0)) { mark(next, in: current, &walk) }
      if kind == nil { return }
      guard kind == .symlink else {
        current = next
        continue
      }
      hops += 1
      guard hops <= 40, let target = try? Files.readLink(next) else { return }
      if target.hasPrefix("/") { current = "" }
      rest = target.split(separator: "/").map(String.init) + rest
    }
  }

  private func mark(_ landmark: String, in directory: String, _ walk: inout Walk) {
    let directory = directory.isEmpty ? "/" : directory
    watch(directory, &walk)
    walk.landmarks.insert(landmark)
    if walk.directories[directory] == nil { walk.directories[directory] = [] }
  }

  /// Without a watch the directory is looked at from time to time.
  private func watch(_ directory: String, _ walk: inout Walk) {
    do throws(Errno) { try watches.watch(directory) } catch {
      if error == .notFound { return }
      let hint = error == .noSpace ? "; raise fs.inotify.max_user_watches" : ""
      walk.unwatched =
        "\(directory): cannot be watched: \(error)\(hint); it is read every \(Self.pollInterval.components.seconds) s instead"
    }
  }

  private static func isManifestName(_ name: String) -> Bool {
    name.hasSuffix(".toml") && !Files.name(of: name).hasPrefix(".")
  }
}
