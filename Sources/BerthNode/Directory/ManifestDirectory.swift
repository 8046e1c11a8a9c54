import BerthCore
import BerthLinux
import BerthPlan
import Synchronization

/// Follows the manifest directory on a thread of its own and publishes what it asks for.
///
/// An event names a path to look at, nothing more: what is there is always read from the file system. Whatever an event can't tell
/// (a directory or symlink came or went, the queue overflowed) leads to a scan, which compares every file's identity and reads what
/// differs. The model, the watches and all timers belong to this thread.
public final class ManifestDirectory: Sendable {
  public struct Options: Sendable {
    public var path: String
    public var owner: UInt32
    public var resyncInterval: Duration
    public var removalDelay: Duration
    public var pruneGuard: DirectoryModel.PruneGuard

    public init(path: String, owner: UInt32, resyncInterval: Duration, removalDelay: Duration, pruneGuard: DirectoryModel.PruneGuard) {
      self.path = path
      self.owner = owner
      self.resyncInterval = resyncInterval
      self.removalDelay = removalDelay
      self.pruneGuard = pruneGuard
    }
  }

  /// What changed, and what hinders the directory as a whole (missing, unreadable, held removals).
  public struct Update: Sendable {
    public var entries: [PodKey: DesiredEntry]
    public var warning: String?
    /// Whether everything was looked at, whatever the events said.
    public var isResync = false
  }

  private struct Request: Sendable {
    var prune: Bool
    /// Done only once no removal waits for its delay.
    var settled: Bool
    var done: @Sendable () -> Void
  }

  private let options: Options
  var path: String { options.path }
  private let wakeUp: WakeUp
  private let requests = Mutex<[Request]>([])
  private let publish: @Sendable (Update) -> Void

  /// `publish` is called on the watcher's thread, once for every batch of events that changed something.
  public init(options: Options, publish: @escaping @Sendable (Update) -> Void) throws(BerthError) {
    self.options = options
    self.publish = publish
    do throws(Errno) { wakeUp = try WakeUp() } catch { throw BerthError(.unavailable, "watch manifests", cause: "\(error)") }
  }

  /// Starts the thread. `known`: pods in force when the last daemon ended. Returns once the first scan has been published.
  public func start(known: [(key: PodKey, path: String, pod: DesiredPod)]) throws(BerthError) {
    let ready = BlockingQueue<BerthError?>()
    Threads.start("manifests") { [self] in
      do throws(BerthError) {
        let watches = try InotifyWatches()
        var follower = DirectoryFollower(options: options, watches: watches, known: known)
        publish(follower.scan())
        ready.push(nil)
        run(&follower)
      } catch { ready.push(error) }
    }
    if let failure = ready.pop() { throw failure }
  }

  /// Scans now and returns when what was found has been published. With `prune`, removals that the prune guard holds take effect; with
  /// `settled`, it returns once no removal waits for `removalDelay` any more.
  public func rescan(prune: Bool, settled: Bool = false) async {
    await withCheckedContinuation { continuation in
      requests.withLock { $0.append(Request(prune: prune, settled: settled, done: { continuation.resume() })) }
      wakeUp.wake()
    }
  }

  private func run(_ follower: inout DirectoryFollower) {
    var waiting: [Request] = []
    while true {
      let ready = (try? Descriptors.waitReadable([follower.descriptor, wakeUp.descriptor], timeout: follower.untilNextDue())) ?? []
      wakeUp.clear()
      let asked = requests.withLock { queue in
        defer { queue = [] }
        return queue
      }
      // Events first: they know which removals the kernel has reported.
      let updates = [
        ready.contains(follower.descriptor) ? follower.handleEvents() : follower.handleTime(),
        asked.isEmpty ? nil : follower.scan(prune: asked.contains { $0.prune }),
      ]
      for case let update? in updates { publish(update) }
      waiting += asked
      for request in waiting where !request.settled || follower.isSettled { request.done() }
      waiting.removeAll { !$0.settled || follower.isSettled }
    }
  }
}
