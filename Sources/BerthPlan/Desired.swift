import BerthCore
import BerthManifest

/// What the node is asked to run under one pod key.
public struct DesiredPod: Hashable, Sendable {
  private final class Shared: Sendable {
    let spec: PodSpec
    let hash: String
    init(_ spec: PodSpec, _ hash: String) { (self.spec, self.hash) = (spec, hash) }
  }
  /// One for all copies: a spec is large and passes through many hands as it is.
  private var shared: Shared
  public var spec: PodSpec {
    _read { yield shared.spec }
    set { shared = Shared(newValue, shared.hash) }
  }
  /// Of the manifest's canonical content: the spec's identity.
  public var hash: String {
    _read { yield shared.hash }
    set { shared = Shared(shared.spec, newValue) }
  }
  /// Why the pod is kept and not run, nil if it is to run.
  public var suspension: String?
  /// nil where nothing of it is set, as of nearly all pods.
  private var circumstances: Circumstances?

  public init(spec: PodSpec, hash: String) {
    shared = Shared(spec, hash)
    suspension = spec.suspend ? "suspend = true" : nil
  }

  public static func == (a: DesiredPod, b: DesiredPod) -> Bool {
    (a.shared === b.shared || a.hash == b.hash && a.spec == b.spec) && a.suspension == b.suspension && a.turn == b.turn && a.past == b.past
  }
  public func hash(into hasher: inout Hasher) { hasher.combine(hash) }

  /// On a node with these labels.
  public func placed(onNodeWith labels: [String: String]) -> DesiredPod {
    let missing = spec.nodeSelector.filter { labels[$0.key] != $0.value }.map { "\($0.key) = \"\($0.value)\"" }.sorted()
    guard suspension == nil, !missing.isEmpty else { return self }
    var pod = self
    pod.suspension = "node_selector asks for \(missing.joined(separator: ", ")), which this node's labels don't have"
    return pod
  }
}

extension DesiredPod {
  /// What this node's default network is, for pods that name none.
  public var standardNetwork: PodNetwork {
    get { circumstances?.content.standardNetwork ?? .standard }
    set { if newValue != standardNetwork { circumstances = Circumstances(circumstances) { $0.standardNetwork = newValue } } }
  }
  /// Of a pod with a schedule: where it stands.
  public var turn: ScheduledTurn? {
    get { circumstances?.content.turn }
    set { if newValue != turn { circumstances = Circumstances(circumstances) { $0.turn = newValue } } }
  }
  /// Of a pod that is to be made for the first time since the node went down: how far its containers had come.
  public var past: [String: PastAttempt] {
    get { circumstances?.content.past ?? [:] }
    set { if newValue != past { circumstances = Circumstances(circumstances) { $0.past = newValue } } }
  }
}

/// What few pods have, shared by all copies.
private final class Circumstances: Sendable {
  struct Content {
    var standardNetwork: PodNetwork = .standard
    var turn: ScheduledTurn?
    var past: [String: PastAttempt] = [:]
  }
  let content: Content

  init(_ before: Circumstances?, _ change: (inout Content) -> Void) {
    var content = before?.content ?? Content()
    change(&content)
    self.content = content
  }
}

/// What is known of an image that a desired pod names.
public enum ImageState: Hashable, Sendable {
  /// In the store, unpacked; `digest` is what the reference resolved to.
  case present(digest: String)
  case absent
  case pulling
  /// The last attempt failed; the next is due at `retryAt`, never where that is nil.
  case failed(message: String, retryAt: Instant?)
}

/// A point on the boot-time clock, in nanoseconds since boot: it doesn't jump, and goes on during suspend.
public struct Instant: Hashable, Sendable, Comparable {
  public var nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Saturates at the ends.
  public static func + (a: Instant, b: Duration) -> Instant {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }
  /// Saturates at the ends.
  public static func - (a: Instant, b: Instant) -> Duration {
    let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
    return .nanoseconds(overflow ? .max : difference)
  }
  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
}
