import BerthCore
import BerthManifest

/// One spec that a pod was made from, and what became of it.
public struct Revision: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    /// It isn't known yet whether it is any good.
    case progressing
    /// It was ready.
    case good
    /// It wasn't ready in time: why.
    case failed(String)
  }

  /// Counts from 1 for a pod key on this node.
  public var number: Int64
  public var pod: DesiredPod
  /// Image reference → the digest it was run with.
  public var images: [String: String]
  /// When it was begun: nanoseconds since 1970, for display.
  public var begunAt: Int64
  public var outcome: Outcome
  /// Why it was begun, where no changed manifest was the reason.
  public var note: String?

  public init(
    number: Int64, pod: DesiredPod, images: [String: String], begunAt: Int64, outcome: Outcome = .progressing, note: String? = nil
  ) {
    self.number = number
    self.pod = pod
    self.images = images
    self.begunAt = begunAt
    self.outcome = outcome
    self.note = note
  }
}

/// How a pod came to its spec: its latest revisions, and which one is run instead of the manifest's, if any. A value: it is told what was
/// seen, and says what to run. Source of the words: Kubernetes' Deployment (progress deadline, revision history, rollback).
public struct Rollout: Hashable, Sendable {
  /// A manifest's content that is not to be run.
  public struct Hold: Hashable, Sendable {
    /// Of that content: another one ends the hold.
    public var hash: String
    /// What is run in its place.
    public var revision: Revision
    public var reason: String
    public init(hash: String, revision: Revision, reason: String) {
      self.hash = hash
      self.revision = revision
      self.reason = reason
    }
  }

  /// The newest last.
  public var revisions: [Revision] = []
  public var hold: Hold?
  /// Since when the newest one progresses, by this daemon's clock.
  var began: Instant?

  public static let kept = 10
  /// How long containers must have been up to count as ready: a program that ends at once was ready for a moment, too. Never more than a
  /// third of the progress deadline.
  public static let settleTime: Duration = .seconds(10)

  public init() {}

  public init(revisions: [Revision], hold: Hold?) {
    self.revisions = revisions
    self.hold = hold
  }

  /// What is to be run where the manifest asks for `asked`, with the digests that its images are pinned to.
  public func target(for asked: DesiredPod) -> (pod: DesiredPod, images: [String: String]) {
    guard asked.suspension == nil, let hold, hold.hash == asked.hash else { return (asked, [:]) }
    return (hold.revision.pod, hold.revision.images)
  }

  /// Why the manifest's content isn't run; nil where it is.
  public func reason(against asked: DesiredPod?) -> String? { hold.flatMap { $0.hash == asked?.hash ? $0.reason : nil } }

  /// Ends a hold that was for another content.
  public mutating func asked(for hash: String?) { if let hash, let hold, hold.hash != hash { self.hold = nil } }

  /// A pod was made from `pod`, or took it over in place.
  public mutating func begin(_ pod: DesiredPod, images: [String: String], now: Instant, wallNow: Int64) {
    began = now
    if let last = revisions.indices.last, revisions[last].pod.hash == pod.hash {
      // Made anew for another reason than its spec: what it was worth is known.
      revisions[last].images = images
      return
    }
    let note = hold.flatMap { $0.revision.pod.hash == pod.hash ? "revision \($0.revision.number) again: \($0.reason)" : nil }
    revisions.append(
      Revision(number: (revisions.last?.number ?? 0) + 1, pod: pod, images: images, begunAt: wallNow, note: note))
    if revisions.count > Self.kept { revisions.removeFirst(revisions.count - Self.kept) }
  }

  /// What is known of the newest revision while its pod is looked at. `readySince`: since when all of its containers have been ready, nil
  /// while they aren't. Returns when to look again.
  public mutating func judge(_ actual: ActualPod, readySince: Instant?, now: Instant) -> Instant? {
    guard let last = revisions.indices.last, revisions[last].outcome == .progressing, revisions[last].pod.hash == actual.hash else {
      return nil
    }
    let update = actual.spec.update
    let start = began ?? now
    began = start
    if let readySince {
      let settled = readySince + min(Self.settleTime, update.progressDeadline / 3)
      if now < settled { return settled }
      revisions[last].outcome = .good
      return nil
    }
    let deadline = start + update.progressDeadline
    if now < deadline { return deadline }
    fail(last, after: update)
    return nil
  }

  private mutating func fail(_ last: Int, after update: UpdateSpec) {
    let words = "not ready within \(DurationText.format(update.progressDeadline))"
    revisions[last].outcome = .failed(words)
    let failed = revisions[last].pod
    // A job that fails is not helped by running an older one.
    guard update.rollback, failed.spec.restartPolicy != .never, failed.spec.schedule == nil, failed.hash != hold?.revision.pod.hash,
      let good = lastGood(before: failed.hash)
    else { return }
    hold = Hold(hash: failed.hash, revision: good, reason: "update failed (\(words)): revision \(good.number) was put back")
  }

  /// The newest revision that was ready, of another content than `hash`.
  public func lastGood(before hash: String?) -> Revision? { revisions.last { $0.outcome == .good && $0.pod.hash != hash } }

  /// Runs an earlier revision until the manifest changes. `number` nil: the last good one before what is run now.
  public mutating func rollBack(to number: Int64?, asked: DesiredPod) throws(BerthError) -> Revision {
    let running = hold?.revision.pod.hash ?? asked.hash
    let found = number.map { number in revisions.last { $0.number == number } } ?? lastGood(before: running)
    guard let revision = found else {
      let known = revisions.map { "\($0.number)" }.joined(separator: ", ")
      throw BerthError(
        .notFound, "roll back", "\(asked.spec.key)",
        cause: number.map { "there is no revision \($0); known are: \(known)" } ?? "no earlier revision of it was ever ready")
    }
    hold =
      revision.pod.hash == asked.hash
      ? nil : Hold(hash: asked.hash, revision: revision, reason: "rolled back by hand to revision \(revision.number)")
    return revision
  }
}
