import BerthCore
import BerthImages
import BerthLinux
import Synchronization

/// What is done for the image store besides pulls: bundles are imported at start and when their directory changes, what was unpacked is put on
/// stable storage, and room is made when the disk fills up. On threads of its own.
public final class ImageKeeper: Sendable {
  private let images: ImageService
  private let events: EventLog
  private let settings: NodeConfiguration.Images
  /// Called when images have come that pods may wait for.
  private let arrived: @Sendable () -> Void
  private let isSettlingPlanned = Mutex(false)

  /// As often as a kubelet looks.
  static let collectionInterval: Duration = .seconds(300)
  /// A file that is copied into the directory changes many times.
  static let bundlePause: Duration = .milliseconds(500)

  /// Whoever waits for the image starts first.
  static let settlePause: Duration = .seconds(1)

  public init(images: ImageService, events: EventLog, settings: NodeConfiguration.Images, arrived: @escaping @Sendable () -> Void) {
    self.images = images
    self.events = events
    self.settings = settings
    self.arrived = arrived
  }

  public func start() {
    images.whenUnpacked { [self] in settleSoon() }
    // What was restored at the start.
    settleSoon()
    if let directory = settings.bundles { Threads.start("bundles") { [self] in followBundles(directory) } }
    guard settings.gc.highPercent < 100 else { return }
    Threads.start("image-gc") { [self] in
      while true {
        collect()
        Clock.pause(Self.collectionInterval)
      }
    }
  }

  private func settleSoon() {
    let isNew = isSettlingPlanned.withLock { planned in
      defer { planned = true }
      return !planned
    }
    guard isNew else { return }
    Timers.shared.wake(after: Self.settlePause) { [self] in
      // What is unpacked from now on is another turn's.
      isSettlingPlanned.withLock { $0 = false }
      // Refused where the node is short of threads: it may have some later.
      do throws(Errno) { try NativeThread.startDetached { [self] in settle() } } catch { settleSoon() }
    }
  }

  private func settle() {
    do throws(BerthError) { try images.settle() } catch { events.record("ImageSyncFailed", "\(error)", severity: .warning) }
  }

  private func followBundles(_ directory: String) {
    var complaint: String?
    while true {
      let problem = importAndWait(directory)
      if let problem, problem != complaint { events.record("BundlesUnavailable", problem, severity: .warning) }
      complaint = problem
      // A directory that isn't there may come.
      Clock.pause(problem == nil ? Self.bundlePause : .seconds(10))
    }
  }

  /// Returns at the next change, or at once with why the directory can't be followed.
  private func importAndWait(_ directory: String) -> String? {
    do throws(Errno) {
      // Watched before it is read: nothing that comes meanwhile is missed.
      let changes = try DirectoryChanges(directory)
      if let problem = importBundles(directory) { return problem }
      return try changes.wait() ? nil : "\(directory) was removed"
    } catch { return "read bundles (\(directory)): \(error)" }
  }

  /// Why the directory can't be read, if it can't.
  private func importBundles(_ directory: String) -> String? {
    let outcomes: [BundleOutcome]
    do throws(BerthError) { outcomes = try images.importBundles(directory) } catch { return "\(error)" }
    for outcome in outcomes {
      switch outcome.result {
      case .success(let imported):
        events.record("BundleImported", "\(outcome.path): \(imported.flatMap(\.names).joined(separator: ", "))")
      case .failure(let error): events.record("BundleFailed", "\(error)", severity: .warning)
      }
    }
    if outcomes.contains(where: { (try? $0.result.get()) != nil }) { arrived() }
    return nil
  }

  private func collect() {
    do throws(BerthError) {
      let outcome = try images.collect(settings.gc)
      if outcome.freed > 0 || !outcome.removed.isEmpty {
        let names = outcome.removed.isEmpty ? "" : "; removed \(outcome.removed.joined(separator: ", "))"
        events.record("ImagesCollected", "freed \(outcome.freed) bytes\(names)")
      }
      if outcome.isShort {
        events.record(
          "FreeDiskSpaceFailed", "the disk is still fuller than \(settings.gc.lowPercent) %: nothing else may be removed",
          severity: .warning)
      }
    } catch { events.record("ImageGCFailed", "\(error)", severity: .warning) }
  }
}
