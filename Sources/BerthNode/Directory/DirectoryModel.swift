import BerthCore
import BerthManifest
import BerthPlan

/// The manifest directory as a value: told what was seen, it says which pods are asked for. No I/O and no clock of its own.
///
/// Rules (docs/manifest.md "The directory"): a bad edit keeps the last good spec; of two files with one name the one in force stays;
/// a removal counts once the path was absent for `removalDelay`; removals that no event reported are held back by the prune guard.
public struct DirectoryModel: Sendable {
  public struct PruneGuard: Hashable, Sendable {
    /// Removals without an event are held from this many on …
    public var pods: Int
    /// … if they are more than this share of all.
    public var percent: Int
    public init(pods: Int = 3, percent: Int = 50) {
      self.pods = pods
      self.percent = percent
    }
  }

  private struct Removal {
    /// The kernel said so (DELETE, MOVED_FROM); else the path was just missing when somebody looked.
    var reported: Bool
    var due: Instant
  }

  private let removalDelay: Duration
  private let pruneGuard: PruneGuard
  private var files: [String: ManifestFile] = [:]
  private var pathsByKey: [PodKey: Set<String>] = [:]
  /// The key a path stood for when it could last be told: a file that is no TOML any more still belongs to its pod.
  private var lastKeys: [String: PodKey] = [:]
  /// The pod that a path was in force for before it named another: kept until the path is in force for that other one.
  private var formerKeys: [String: PodKey] = [:]
  private var removals: [String: Removal] = [:]
  /// Paths that were seen and that were gone before they could be read: until then, one may be where a file of that name went.
  private var strangers: [String: Instant] = [:]
  /// Pods in force by key; the last good spec of each.
  private var lastGood: [PodKey: (path: String, pod: DesiredPod)] = [:]
  /// Keys whose entries must be published anew.
  private var changed: Set<PodKey> = []
  /// Removals that the prune guard holds back.
  private var held: Set<String> = []
  public var heldRemovals: [String] { held.sorted() }

  public init(removalDelay: Duration, pruneGuard: PruneGuard) {
    self.removalDelay = removalDelay
    self.pruneGuard = pruneGuard
  }

  /// A pod that was in force when an earlier daemon ended.
  public mutating func restore(key: PodKey, path: String, pod: DesiredPod) {
    lastGood[key] = (path, pod)
    lastKeys[path] = key
    pathsByKey[key, default: []].insert(path)
    changed.insert(key)
  }

  /// Makes room for the first files.
  mutating func reserve(_ count: Int) {
    guard files.isEmpty else { return }
    files.reserveCapacity(count)
    pathsByKey.reserveCapacity(count)
    lastKeys.reserveCapacity(count)
    lastGood.reserveCapacity(count)
    changed.reserveCapacity(count)
  }

  public func identity(of path: String) -> FileIdentity? { removals[path] == nil ? files[path]?.identity : nil }

  /// The files that the manifest at `path` takes content from, as they were when it was read.
  public func contents(of path: String) -> [String: FileIdentity?] { files[path]?.contents ?? [:] }

  /// Every path that a pod in force or a present file comes from.
  public var knownPaths: Set<String> { Set(lastKeys.keys).union(files.keys) }

  /// `path` was read (or refused).
  public mutating func found(_ file: ManifestFile, at path: String) {
    present(path)
    if !strangers.isEmpty { strangers[path] = nil }
    let before = lastKeys[path]
    files[path] = file
    let key = self.key(of: file, at: path, before: before)
    if let before, before != key {
      if lastGood[before]?.path == path { formerKeys[path] = before }
      detach(path, from: before, keepsPod: true)
    }
    lastKeys[path] = key
    pathsByKey[key, default: []].insert(path)
    changed.insert(key)
  }

  /// A bad file still belongs to the pod that it was in force for, whatever name it now gives: a bad edit never stops a pod.
  private func key(of file: ManifestFile, at path: String, before: PodKey?) -> PodKey {
    guard let before, lastGood[before]?.path == path else { return file.key ?? before ?? Self.keyByStem(path) }
    guard file.good != nil, let key = file.key else { return before }
    return key
  }

  /// `path` is there, though nothing can be said of its content yet.
  public mutating func present(_ path: String) {
    guard !removals.isEmpty else { return }
    removals[path] = nil
    held.remove(path)
  }

  /// An event or a listing says that something came to `path`: whatever was missed there before, it was not absent all the while.
  public mutating func spokenOf(_ path: String, now: Instant) {
    present(path)
    if lastKeys[path] == nil { strangers[path] = now + removalDelay }
  }

  /// `path` is not there (any more). Does nothing for a path that nobody knows.
  public mutating func missing(_ path: String, reported: Bool, now: Instant) {
    guard lastKeys[path] != nil else { return }
    let earlier = removals[path]
    removals[path] = Removal(reported: reported || earlier?.reported == true, due: earlier?.due ?? now + removalDelay)
  }

  /// When `settle` has something to do next.
  public var nextDue: Instant? { removals.filter { !held.contains($0.key) }.map(\.value.due).min() }

  /// What `settle` would remove now.
  public func dueRemovals(now: Instant) -> [String] { removals.filter { $0.value.due <= now && !held.contains($0.key) }.map(\.key) }

  /// Every removal under way counts as reported: `berth sync --prune`.
  public mutating func confirmRemovals() {
    for path in removals.keys { removals[path]?.reported = true }
  }

  /// Lets removals whose time has come take effect. What the prune guard holds stays held until it is confirmed or reported, or the file
  /// is back.
  public mutating func settle(now: Instant) {
    awaitStrangers(now: now)
    let due = removals.filter { $0.value.due <= now }
    let silent = Set(due.filter { !$0.value.reported }.keys)
    held.formIntersection(silent)
    let inForce = silent.isEmpty ? [] : Set(lastGood.values.map(\.path))
    let pods = silent.intersection(inForce)
    if pods.count >= pruneGuard.pods && pods.count * 100 > lastGood.count * pruneGuard.percent { held = silent }
    for path in due.keys where !held.contains(path) {
      removals[path] = nil
      files[path] = nil
      if let key = lastKeys.removeValue(forKey: path) { detach(path, from: key) }
      dropFormer(of: path)
    }
  }

  /// A file that is on its way from folder to folder, and never there when it is looked for, isn't gone.
  private mutating func awaitStrangers(now: Instant) {
    guard !strangers.isEmpty else { return }
    strangers = strangers.filter { $0.value > now }
    var latest: [String: Instant] = [:]
    for (path, until) in strangers { latest[Self.fileName(path)] = max(until, latest[Self.fileName(path)] ?? until) }
    for (path, removal) in removals where removal.due <= now {
      if let until = latest[Self.fileName(path)] { removals[path]?.due = until }
    }
  }

  private static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The pod that `path` described before is given up, unless another file describes it by now.
  private mutating func dropFormer(of path: String) {
    guard let former = formerKeys.removeValue(forKey: path) else { return }
    if lastGood[former]?.path == path && pathsByKey[former] == nil { lastGood[former] = nil }
    changed.insert(former)
  }

  private mutating func detach(_ path: String, from key: PodKey, keepsPod: Bool = false) {
    pathsByKey[key]?.remove(path)
    if pathsByKey[key]?.isEmpty == true { pathsByKey[key] = nil }
    // No file has the name any more, whichever went first; but for one that had it, and can't have the name it took.
    if !keepsPod, pathsByKey[key] == nil, let inForce = lastGood[key]?.path, inForce == path || formerKeys[inForce] != key {
      lastGood[key] = nil
    }
    changed.insert(key)
    // Another file that claimed this name may now have it.
    for other in pathsByKey[key] ?? [] where files[other] != nil { changed.insert(lastKeys[other] ?? key) }
  }

  private static func keyByStem(_ path: String) -> PodKey {
    let name = fileName(path)
    return PodKey(namespace: "default", name: name.hasSuffix(".toml") ? String(name.dropLast(5)) : name)
  }

  /// The entries that differ since the last call, and the good specs to be remembered for later daemons.
  public mutating func takeChanges() -> [PodKey: DesiredEntry] {
    defer { changed = [] }
    var entries: [PodKey: DesiredEntry] = [:]
    entries.reserveCapacity(changed.count)
    for key in changed { entries[key] = entry(for: key) }
    for path in formerKeys.keys {
      guard let former = formerKeys[path], let key = lastKeys[path] else { continue }
      // Named as before again, or in force under the new name.
      if key == former || lastGood[key]?.path == path { dropFormer(of: path) }
      if changed.contains(former) { entries[former] = entry(for: former) }
    }
    return entries
  }

  /// The path whose spec is in force under `key`.
  public func pathInForce(_ key: PodKey) -> String? { lastGood[key]?.path }

  /// A file that took another name which it can't have.
  private func problemOfFormer(_ key: PodKey, at path: String) -> ManifestProblem? {
    guard formerKeys[path] == key, let wanted = lastKeys[path] else { return nil }
    let owner = lastGood[wanted]?.path ?? "another file"
    return ManifestProblem(
      message: "\(path): now describes pod \(wanted), which \(owner) describes already; pod \(key) stays as it was until that is settled")
  }

  /// A pod is not taken down for a version that couldn't run: one that asks for a port that a program has. A port that the version in
  /// force asks for too makes no difference.
  private func problemOfPorts(_ key: PodKey, of file: ManifestFile) -> ManifestProblem? {
    guard !file.taken.isEmpty, let before = lastGood[key]?.pod.spec else { return nil }
    let inTheWay = file.taken.filter { !before.takes($0) }.map { taken in
      var error = taken.diagnostic
      error.severity = .error
      return error
    }
    guard let first = inTheWay.first else { return nil }
    return ManifestProblem(message: "\(first.summary); the version before it stays in force until it is free", diagnostics: inTheWay)
  }

  private mutating func entry(for key: PodKey) -> DesiredEntry {
    let claims = pathsByKey[key] ?? []
    let paths = claims.sorted().filter { files[$0] != nil && removals[$0] == nil }
    let former = lastGood[key]
    // The file in force keeps the name, also while it is bad or briefly away; else the first good one, else the first.
    let inForce = former.flatMap { claims.contains($0.path) && paths.contains($0.path) ? $0.path : nil }
    guard let winner = inForce ?? paths.first(where: { files[$0]?.good != nil }) ?? paths.first, let file = files[winner] else {
      return DesiredEntry(desired: former?.pod, source: former?.path, problem: former.flatMap { problemOfFormer(key, at: $0.path) })
    }
    var entry = DesiredEntry(source: winner, problem: file.problem ?? problemOfPorts(key, of: file))
    entry.desired = former?.pod
    if entry.problem == nil {
      if let good = file.good {
        lastGood[key] = (winner, good)
        entry.desired = good
      }
      if !file.taken.isEmpty { entry.warnings = file.taken.map(\.diagnostic) }
    }
    if let other = paths.first(where: { $0 != winner }) { tell(of: other, beside: winner, key, in: &entry) }
    return entry
  }

  /// A second file of the pod, beside what is wrong with the one in force.
  private func tell(of other: String, beside winner: String, _ key: PodKey, in entry: inout DesiredEntry) {
    let words = "\(other): also describes pod \(key); \(winner) stays in force, rename or remove one of them"
    let own = entry.problem.map { "\($0.message); " } ?? ""
    entry.problem = ManifestProblem(message: own + words, diagnostics: entry.problem?.diagnostics ?? [])
  }
}
