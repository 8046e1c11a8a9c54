import BerthPlan
import BerthPods

/// One incarnation of a pod and what its worker alone knows of it.
struct Instance {
  let handle: any PodHandle
  /// Containers whose `pre_stop` is under way, with its attempt.
  var stopping: [String: UInt32] = [:]
  /// When the first container was told to stop for good.
  var removalBegan: Instant?

  init(_ handle: any PodHandle) { self.handle = handle }
}

/// The incarnations of one pod: more than one only while one takes over from another, and of runs that go on side by side.
public struct Instances: Sendable {
  private(set) var current: Instance?
  private(set) var successor: Instance?
  private(set) var leaving: [String: Instance] = [:]

  init() {}

  /// Those that an earlier daemon left.
  public init(current: any PodHandle, successor: (any PodHandle)? = nil, leaving: [any PodHandle] = []) {
    self.current = Instance(current)
    self.successor = successor.map { Instance($0) }
    for handle in leaving { self.leaving[handle.uid] = Instance(handle) }
  }

  /// The one that serves, where one is there.
  public var serving: (any PodHandle)? { current?.handle }

  var isEmpty: Bool { current == nil && successor == nil && leaving.isEmpty }

  subscript(which: PodInstance) -> Instance? {
    get {
      switch which {
      case .current: current
      case .successor: successor
      case .leaving(let uid): leaving[uid]
      }
    }
    set {
      switch which {
      case .current: current = newValue
      case .successor: successor = newValue
      case .leaving(let uid): leaving[uid] = newValue
      }
    }
  }

  /// Whatever it is by now; nil once it is gone.
  subscript(uid uid: String) -> Instance? {
    get { which(uid).flatMap { self[$0] } }
    set { if let which = which(uid) { self[which] = newValue } }
  }

  private func which(_ uid: String) -> PodInstance? {
    if current?.handle.uid == uid { return .current }
    if successor?.handle.uid == uid { return .successor }
    return leaving[uid] == nil ? nil : .leaving(uid: uid)
  }

  /// The successor serves, and the one that did leaves.
  mutating func takeOver() {
    if let current { leaving[current.handle.uid] = current }
    current = successor
    successor = nil
  }

  /// The run that is the newest makes room for the next.
  mutating func setAside() {
    if let current { leaving[current.handle.uid] = current }
    current = nil
  }
}

/// What was seen of each of them.
struct Sighting {
  var current: PodObservation?
  var successor: PodObservation?
  var leaving: [String: PodObservation] = [:]

  subscript(which: PodInstance) -> PodObservation? {
    switch which {
    case .current: current
    case .successor: successor
    case .leaving(let uid): leaving[uid]
    }
  }

  var all: [PodObservation] {
    var all = Array(leaving.values)
    if let current { all.append(current) }
    if let successor { all.append(successor) }
    return all
  }
  /// The one that what is asked for has come to.
  var newest: PodObservation? { successor ?? current }
  var isEmpty: Bool { current == nil && successor == nil && leaving.isEmpty }
}
