import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// A pull from end to end, inside berth-worker: resolve, claim, fetch and unpack, report. Knows nothing of where the image comes from.
public final class Puller: Sendable {
  let source: any ImageSource
  let store: ContentStore
  let platform: Platform
  /// The directory that layers' directories are made in.
  let layersPath: String
  let concurrency: Int
  let wantsSignatures: Bool
  let marks: LayerMarks
  let channel: WorkerChannel
  let staging: Staging

  public init(_ job: WorkerJob, source: any ImageSource, channel: WorkerChannel) throws(BerthError) {
    self.source = source
    self.channel = channel
    store = try ContentStore(root: job.content, ingest: job.ingest, marksUse: true)
    staging = Staging(store)
    platform = job.platform
    layersPath = job.layers
    concurrency = job.registry.concurrentDownloads
    wantsSignatures = job.wantsSignatures
    marks = job.marks
  }

  /// What a reference turned out to be.
  struct Resolution: Sendable {
    var manifest: Manifest
    var digest: Digest
    var index: Digest?
    var config: ImageConfig
    /// What the reference itself stands for.
    var subject: Descriptor
  }

  /// A layer that this pull is to fetch and unpack.
  struct LayerTask: Sendable {
    var descriptor: Descriptor
    var diff: Digest
    /// Its directory's name; nil where it is unpacked already, so that only its blob is missing: it was damaged, or what was unpacked
    /// came compressed in another way.
    var id: Int64?
    /// The directories of the layers below it, topmost first.
    var lower: [String]
    /// Several threads work on it: it is more than a processor's share of this pull, or among the last, which nobody else works beside.
    var hasStages = false
  }

  /// 1. resolve to a manifest for this platform and a config · 2. claim what isn't unpacked yet · 3. fetch and unpack, several at once,
  /// and give directories that no member named the looks of those below · 4. the blobs to stable storage.
  public func run() throws(BerthError) -> WorkerMessage.Outcome {
    let image = try resolve()
    try channel.send(
      .resolved(
        WorkerMessage.Resolved(
          manifest: image.digest, layers: image.manifest.layers.map { WorkerMessage.Layer(digest: $0.digest, size: $0.size) },
          subject: image.subject,
          signatures: wantsSignatures ? try source.signatures(of: [image.subject.digest, image.digest].unique) : [])))
    let tasks = try claim(image)
    let unpacked: [LayerUnpacker.Result]
    do throws(BerthError) { unpacked = try unpack(tasks) } catch {
      // What has come whole needn't come again.
      try? staging.publish()
      throw error
    }
    try staging.publish()
    var sizes: [Int64: Int64] = [:]
    for (task, result) in zip(tasks, unpacked) { if let id = task.id { sizes[id] = result.bytes } }
    return WorkerMessage.Outcome(manifest: image.digest, mediaType: image.manifest.mediaType, index: image.index, layers: sizes)
  }

  private func claim(_ image: Resolution) throws(BerthError) -> [LayerTask] {
    let chains = Digest.chains(image.config.diffIDs)
    var claims: [LayerClaim] = []
    for (at, chain) in chains.enumerated() {
      claims.append(LayerClaim(chain: chain, diff: image.config.diffIDs[at], parent: at > 0 ? chains[at - 1] : nil))
    }
    let grants = claims.isEmpty ? [] : try channel.claim(claims)
    var tasks: [LayerTask] = []
    var lower: [String] = []
    for (at, grant) in grants.enumerated() {
      let descriptor = image.manifest.layers[at]
      let isWhole = try store.has(descriptor.digest, size: descriptor.size)
      if !grant.isReady || !isWhole {
        let id = grant.isReady ? nil : grant.id
        tasks.append(LayerTask(descriptor: descriptor, diff: image.config.diffIDs[at], id: id, lower: lower.reversed()))
      }
      lower.append("\(layersPath)/\(grant.id)")
    }
    return tasks
  }

  private struct Progress {
    var next = 0
    var results: [LayerUnpacker.Result?]
    var failure: BerthError?
    /// So many layers, from the lowest up, have the looks of those below.
    var adopted = 0
    var isAdopting = false
  }

  /// The largest first, so that it isn't what all wait for at the end.
  private static func order(_ tasks: inout [LayerTask]) -> [Int] {
    let order = tasks.indices.sorted { tasks[$0].descriptor.size > tasks[$1].descriptor.size }
    let cpus = max(1, Kernel.configuredCPUs)
    let share = tasks.reduce(0) { $0 + $1.descriptor.size } / Int64(cpus)
    for (turn, at) in order.enumerated() { tasks[at].hasStages = tasks[at].descriptor.size > share || turn >= order.count - cpus }
    return order
  }

  /// The tasks' results, in their order.
  private func unpack(_ all: [LayerTask]) throws(BerthError) -> [LayerUnpacker.Result] {
    var all = all
    let order = Self.order(&all)
    let tasks = all
    let state = Monitor(Progress(results: Array(repeating: nil, count: tasks.count)))
    let work: @Sendable () -> Void = {
      while let at = state.with({ state -> Int? in
        guard state.next < tasks.count, state.failure == nil else { return nil }
        state.next += 1
        return order[state.next - 1]
      }) {
        do throws(BerthError) {
          let result = try self.fetchAndUnpack(tasks[at])
          state.with { $0.results[at] = result }
          try self.adopt(tasks, state)
        } catch { state.with { if $0.failure == nil { $0.failure = error } } }
      }
    }
    var threads: [NativeThread] = []
    // One of the hands is this thread.
    for _ in 1..<max(1, min(concurrency, tasks.count)) {
      guard let thread = try? NativeThread.start(work) else { break }
      threads.append(thread)
    }
    work()
    for thread in threads { thread.join() }
    let (results, failure) = state.with { ($0.results, $0.failure) }
    if let failure { throw failure }
    return results.compactMap { $0 }
  }

  /// From the lowest up, so that what a layer takes over is what the one below has taken over, and as soon as all below is unpacked, so
  /// that others unpack meanwhile. One hand at a time; it goes on with what came in the meantime.
  private func adopt(_ tasks: [LayerTask], _ state: Monitor<Progress>) throws(BerthError) {
    while let (task, result) = state.with({ state -> (LayerTask, LayerUnpacker.Result)? in
      guard !state.isAdopting, state.adopted < tasks.count, let result = state.results[state.adopted] else { return nil }
      state.isAdopting = true
      return (tasks[state.adopted], result)
    }) {
      defer {
        state.with { state in
          state.isAdopting = false
          state.adopted += 1
        }
      }
      guard let id = task.id else { continue }
      do throws(Errno) {
        let layer = try Files.open("\(layersPath)/\(id)", ContentFlags.directory)
        try ImpliedDirectories.adopt(result.impliedDirectories, in: layer, from: task.lower, marks)
      } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write layers", layersPath, cause: "\(error)") }
    }
  }
}

extension [Digest] {
  /// Each once, in order.
  fileprivate var unique: [Digest] { reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
}
