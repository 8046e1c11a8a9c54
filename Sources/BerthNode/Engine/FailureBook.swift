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

  private struct Key: Hashable {
    var instance: PodInstance
    var verb: PodAction.Verb
    init(_ action: PodAction) { (instance, verb) = (action.instance, action.verb) }
  }

  private var entries: [Key: Entry] = [:]
  /// What they were tried for: another spec starts over.
  private var hash: String?

  var isEmpty: Bool { entries.isEmpty }
  var retryAt: Instant? { entries.values.map(\.retryAt).min() }
  /// The one that is tried again first.
  var first: (verb: PodAction.Verb, entry: Entry)? {
    entries.min { ($0.value.retryAt, $0.key.verb.text) < ($1.value.retryAt, $1.key.verb.text) }.map { ($0.key.verb, $0.value) }
  }

  /// Forgets what isn't to be done any more.
  mutating func keep(_ actions: [PodAction], hash: String?) {
    if entries.isEmpty { return self.hash = hash }
    let planned = Set(actions.map { Key($0) })
    entries = self.hash == hash ? entries.filter { planned.contains($0.key) } : [:]
    self.hash = hash
  }

  mutating func note(_ error: BerthError, of action: PodAction, now: Instant) {
    let key = Key(action)
    let attempts = (entries[key]?.attempts ?? 0) + 1
    var pause = Self.pause.initial
    for _ in 1..<min(max(attempts, 1), 16) where pause < Self.pause.max { pause = pause * 2 }
    entries[key] = Entry(error: error, attempts: attempts, retryAt: now + min(pause, Self.pause.max))
  }

  mutating func succeeded(_ action: PodAction) { entries[Key(action)] = nil }

  /// What can be done now, in order: not what waits for its retry, nor what needs that.
  func runnable(_ actions: [PodAction], now: Instant) -> [PodAction] {
    if entries.isEmpty { return actions }
    var blocked: [PodAction] = []
    return actions.filter { action in
      if (entries[Key(action)].map { $0.retryAt > now } ?? false) || blocked.contains(where: { action.needs($0) }) {
        blocked.append(action)
        return false
      }
      return true
    }
  }
}

extension PodAction {
  /// Whether this one makes no sense before `other`, which stands before it in the plan.
  func needs(_ other: PodAction) -> Bool {
    guard instance == other.instance else { return false }
    return switch (other.verb, verb) {
    case (.createPod, _), (.removePod, _), (.releasePod, _), (.failPod, _): true
    // A spec is in force once all of it is.
    case (.updateResources, .recordSpec), (.updateVolume, .recordSpec), (.signalContainer, .recordSpec): true
    case (.updateVolume, .signalContainer): true
    case (.retireContainer, .recordSpec), (.removeContainer, .recordSpec): true
    default: false
    }
  }
}
