import BerthCore
import BerthPlan

/// Actions that failed, each with its own pause before it is tried again: one that can't be done now holds up no other.
struct FailureBook {
  struct Entry {
    var error: BerthError
    var attempts: Int
    var retryAt: Instant
  }
  static let pause = (initial: Duration.seconds(1), max: Duration.seconds(300))

  private var entries: [PodAction.Verb: Entry] = [:]
  /// What they were tried for: another spec starts over.
  private var hash: String?

  var isEmpty: Bool { entries.isEmpty }
  var retryAt: Instant? { entries.values.map(\.retryAt).min() }
  /// The one that is tried again first.
  var first: (verb: PodAction.Verb, entry: Entry)? {
    entries.min { ($0.value.retryAt, $0.key.text) < ($1.value.retryAt, $1.key.text) }.map { ($0.key, $0.value) }
  }

  /// Forgets what isn't to be done any more.
  mutating func keep(_ actions: [PodAction], hash: String?) {
    if entries.isEmpty { return self.hash = hash }
    let planned = Set(actions.map(\.verb))
    entries = self.hash == hash ? entries.filter { planned.contains($0.key) } : [:]
    self.hash = hash
  }

  mutating func note(_ error: BerthError, of verb: PodAction.Verb, now: Instant) {
    let attempts = (entries[verb]?.attempts ?? 0) + 1
    var pause = Self.pause.initial
    for _ in 1..<min(max(attempts, 1), 16) where pause < Self.pause.max { pause = pause * 2 }
    entries[verb] = Entry(error: error, attempts: attempts, retryAt: now + min(pause, Self.pause.max))
  }

  mutating func succeeded(_ verb: PodAction.Verb) { entries[verb] = nil }

  /// What can be done now, in order: not what waits for its retry, nor what needs that.
  func runnable(_ actions: [PodAction], now: Instant) -> [PodAction] {
    if entries.isEmpty { return actions }
    var blocked: [PodAction.Verb] = []
    return actions.filter { action in
      if (entries[action.verb].map { $0.retryAt > now } ?? false) || blocked.contains(where: { action.verb.needs($0) }) {
        blocked.append(action.verb)
        return false
      }
      return true
    }
  }
}

extension PodAction.Verb {
  /// Whether this one makes no sense before `other`, which stands before it in the plan.
  func needs(_ other: Self) -> Bool {
    switch (other, self) {
    case (.createPod, _), (.removePod, _): true
    // A spec is in force once all of it is.
    case (.updateResources, .recordSpec), (.updateVolume, .recordSpec), (.signalContainer, .recordSpec): true
    case (.updateVolume, .signalContainer): true
    case (.retireContainer, .recordSpec), (.removeContainer, .recordSpec): true
    default: false
    }
  }
}
