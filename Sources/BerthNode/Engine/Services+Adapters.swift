import BerthCore
import BerthImages
import BerthManifest
import BerthPlan
import BerthLinux
import BerthPods
import BerthStore

extension PodManager: PodService {
  public func create(_ request: PodRequest) async throws(BerthError) -> any PodHandle { try await make(request) }
}

extension Pod: PodHandle {}

extension ImageService: ImageProvider {
  public func lookup(_ reference: String) throws(BerthError) -> String? {
    try lookup(ImageReference(reference))?.digest.description
  }

  public func pull(_ reference: String) throws(BerthError) -> String { try pull(reference, progress: { _ in }) }

  public func pull(_ reference: String, progress: @escaping @Sendable (PullEvent) -> Void) throws(BerthError) -> String {
    try pull(ImageReference(reference), progress: progress, cancellation: nil).digest.description
  }
}

extension MetadataStore: RolloutStore {
  public func allRollouts() throws(BerthError) -> [(key: PodKey, content: [UInt8])] {
    try rollouts().map { (PodKey(namespace: $0.namespace, name: $0.name), $0.content) }
  }

  public func putRollout(_ key: PodKey, _ content: [UInt8]) throws(BerthError) {
    try putRollout(PodContent(namespace: key.namespace, name: key.name, content: content))
  }

  public func removeRollout(_ key: PodKey) throws(BerthError) { try removeRollout(namespace: key.namespace, name: key.name) }
}

extension MetadataStore: LastGoodStore {
  public func all() throws(BerthError) -> [(key: PodKey, path: String, pod: DesiredPod)] {
    try lastGood().compactMap { record in
      // A spec that this version can't read any more is forgotten; the manifest itself is still there to be read.
      guard let json = try? JSON(parsing: record.content), let kept = try? PodSpec(json: json) else { return nil }
      // Contents of the node's files aren't kept on disk: they are read again.
      guard let spec = ContentReader.complete(kept) else { return nil }
      return (PodKey(namespace: record.namespace, name: record.name), record.path, DesiredPod(spec: spec, hash: record.hash))
    }
  }

  public func apply(_ changes: [LastGoodChange]) throws(BerthError) {
    var records: [LastGoodRecord] = []
    var gone: [(namespace: String, name: String)] = []
    for change in changes {
      guard let good = change.good else {
        gone.append((change.key.namespace, change.key.name))
        continue
      }
      records.append(
        LastGoodRecord(
          namespace: change.key.namespace, name: change.key.name, path: good.path, hash: good.pod.hash,
          content: good.pod.spec.record(), updated: Clock.wallNanoseconds() / 1_000_000_000))
    }
    try changeLastGood(put: records, remove: gone)
  }
}

extension MetadataStore: PastStore {
  public func allPasts() throws(BerthError) -> [(key: PodKey, past: PodPast)] {
    try pasts().compactMap { record in
      // One that can't be read is as good as none: its pod starts like a new one.
      guard let past = (try? JSON(parsing: record.content)).flatMap({ PodPast(json: $0) }) else { return nil }
      return (PodKey(namespace: record.namespace, name: record.name), past)
    }
  }

  public func apply(_ changes: [PodKey: PodPast?]) throws(BerthError) {
    var records: [PodContent] = []
    var gone: [(namespace: String, name: String)] = []
    for key in changes.keys.sorted() {
      guard let past = changes[key] ?? nil else {
        gone.append((key.namespace, key.name))
        continue
      }
      records.append(PodContent(namespace: key.namespace, name: key.name, content: past.json.encoded()))
    }
    try changePasts(put: records, remove: gone)
  }
}
