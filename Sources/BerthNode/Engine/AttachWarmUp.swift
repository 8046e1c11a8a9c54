import BerthLinux
import Synchronization

/// Lets the kernel get ready for cgroup attaches while a manifest is still being read: see `CgroupLayout.attachWarmUpFile`.
public final class AttachWarmUp: Sendable {
  private let requests = BlockingQueue<Void>()
  private let isBusy = Atomic(false)

  /// `file`: to be written; its thread lives as long as the process.
  public init(file: String) {
    Threads.start("warm-up") { [self] in
      while true {
        requests.pop()
        // Best effort: without it an attach only waits longer.
        try? Files.write("0", to: file)
        isBusy.store(false, ordering: .releasing)
      }
    }
  }

  /// Something may be started soon. Never blocks; while one write is under way another changes nothing.
  public func hint() {
    if !isBusy.exchange(true, ordering: .acquiringAndReleasing) { requests.push(()) }
  }
}
