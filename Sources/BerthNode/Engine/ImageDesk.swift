import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthPlan
import Synchronization

/// Which images pods wait for, and the pulls under way: a bounded number at a time from registries (`PullLine`), and as many of files and
/// folders of the node, which wait for no registry. Failures are tried again with a growing, jittered
/// pause, which a changed manifest cuts short. That two pods who want the same image share one download is the image service's affair.
final class ImageDesk: Sendable {
  private struct Key: Hashable {
    var pod: PodKey
    var reference: String
  }

  private struct Attempt {
    /// What it was made for: another hash starts over.
    var hash: String
    var state: ImageState
    var failures: Int
  }

  private let provider: any ImageProvider
  private let events: EventLog
  private let readers: ThreadPool
  private let queue: PullQueue
  private let attempts = Mutex<[Key: Attempt]>([:])

  static let backoff = (min: Duration.seconds(1), initial: Duration.seconds(5), max: Duration.seconds(300))

  init(provider: any ImageProvider, events: EventLog, parallelPulls: Int) {
    self.provider = provider
    self.events = events
    readers = ThreadPool(name: "images", threads: parallelPulls)
    queue = PullQueue(limit: parallelPulls)
  }

  /// By reference, for every image of `desired`.
  func states(for desired: DesiredPod) -> [String: ImageState] {
    var states: [String: ImageState] = [:]
    let wanted = desired.spec.allContainers.map { ($0.image, $0.imagePullPolicy) } + desired.spec.volumeImages
    for (image, policy) in wanted where states[image] == nil { states[image] = state(of: image, policy, desired) }
    return states
  }

  private func state(of image: String, _ policy: ImagePullPolicy, _ desired: DesiredPod) -> ImageState {
    let attempt = attempts.withLock { $0[Key(pod: desired.spec.key, reference: image)] }
    let ours = attempt.flatMap { $0.hash == desired.hash ? $0.state : nil }
    if case .pulling? = ours { return .pulling }
    // "always" means: asked for anew for every pod that is made; what that found is good until it is made.
    if policy == .always {
      if case .failed? = ours { return ours ?? .absent }
      guard case .present? = ours else { return .absent }
    }
    do throws(BerthError) {
      if let digest = try provider.lookup(image) { return .present(digest: digest) }
    } catch { return .failed(message: "\(error)", retryAt: nil) }
    // A file or folder on the node is never pulled, whatever the policy: it is read.
    if policy == .never, (try? ImageReference(image))?.isLocal != true {
      return .failed(message: "\(image) is not in the store and image_pull_policy is \"never\"", retryAt: nil)
    }
    if case .failed? = ours { return ours ?? .absent }
    return .absent
  }

  /// How often each image of the pod could not be had in a row, for the spec with this hash.
  func failures(of pod: PodKey, hash: String?) -> [String: Int] {
    attempts.withLock { attempts in
      var failures: [String: Int] = [:]
      for (key, attempt) in attempts where key.pod == pod && attempt.hash == hash { failures[key.reference] = attempt.failures }
      return failures
    }
  }

  /// Begins a pull; `worker` is marked at its end.
  func pull(_ reference: String, for desired: DesiredPod, worker: PodWorker) {
    let key = Key(pod: desired.spec.key, reference: reference)
    attempts.withLock { attempts in
      let failures = attempts[key].flatMap { $0.hash == desired.hash ? $0.failures : nil } ?? 0
      // What was tried for older specs of this pod tells nothing any more.
      attempts = attempts.filter { $0.key.pod != key.pod || $0.value.hash == desired.hash || $0.value.state == .pulling }
      attempts[key] = Attempt(hash: desired.hash, state: .pulling, failures: failures)
    }
    guard case .registry(let image)? = try? ImageReference(reference) else {
      Task(executorPreference: readers) {
        self.run(key, hash: desired.hash) {}
        worker.mark()
      }
      return
    }
    queue.add(
      from: image.registry,
      PullQueue.Job(
        run: { moved in
          self.run(key, hash: desired.hash, moved)
          worker.mark()
        },
        refuse: { error in
          self.fail(key, hash: desired.hash, error)
          worker.mark()
        }))
  }

  /// A pod was made of what was found. The next one of that name, which a restart or its schedule may bring without any change of the
  /// manifest, has its images looked for again where their policy is "always".
  func spend(_ pod: PodKey) {
    attempts.withLock { attempts in
      attempts = attempts.filter { key, attempt in
        if key.pod == pod, case .present = attempt.state { false } else { true }
      }
    }
  }

  /// What couldn't be had is tried again at once.
  func retry(_ pod: PodKey) {
    attempts.withLock { attempts in
      attempts = attempts.filter { key, attempt in
        if key.pod == pod, case .failed = attempt.state { false } else { true }
      }
    }
  }

  /// A pod is gone: nothing is remembered of it.
  func forget(_ pod: PodKey) {
    attempts.withLock { $0 = $0.filter { $0.key.pod != pod } }
  }

  /// `moved` is told that something has come of it.
  private func run(_ key: Key, hash: String, _ moved: @escaping @Sendable () -> Void) {
    let started = Clock.bootNanoseconds()
    let layers = LayerReporter(key.reference, pod: key.pod, events: events)
    do throws(BerthError) {
      let digest = try provider.pull(key.reference) { [events] event in
        switch event {
        case .attempt(let failed):
          events.record("PullAttempt", "image \(key.reference): \(failed)", pod: key.pod, severity: .warning)
        case .progress(let layer, let done, let total):
          moved()
          layers.report(layer, done: done, total: total)
        case .resolved: moved()
        }
      }
      let took = (Clock.bootNanoseconds() - started) / 1_000_000
      events.record("Pulled", "image \(key.reference) is \(digest), \(took) ms", pod: key.pod)
      finish(key, hash: hash) { $0.state = .present(digest: digest) }
    } catch {
      layers.fail()
      fail(key, hash: hash, error)
    }
  }

  private func fail(_ key: Key, hash: String, _ error: BerthError) {
    events.record("Failed", "\(error)", pod: key.pod, severity: .warning)
    finish(key, hash: hash) { attempt in
      attempt.failures += 1
      let retryAt = Instant(nanoseconds: Clock.bootNanoseconds()) + Self.pause(attempt.failures)
      attempt.state = .failed(message: "\(error)", retryAt: retryAt)
    }
  }

  /// The result of a pull for a spec that was replaced meanwhile is dropped.
  private func finish(_ key: Key, hash: String, _ change: (inout Attempt) -> Void) {
    attempts.withLock { attempts in
      guard var attempt = attempts[key], attempt.hash == hash else { return }
      change(&attempt)
      attempts[key] = attempt
    }
  }

  private static func pause(_ failures: Int) -> Duration {
    var pause = backoff.initial
    for _ in 1..<max(2, min(failures, 16)) where failures > 1 && pause < backoff.max { pause = pause * 2 }
    // Full jitter, so that many nodes don't ask a registry in step; never at once.
    return .milliseconds(Int64.random(in: backoff.min.milliseconds...min(pause, backoff.max).milliseconds))
  }
}

extension ContainerSpec {
  /// Whether its image is a file or folder of the node.
  var isImageLocal: Bool { (try? ImageReference(image))?.isLocal == true }
}
