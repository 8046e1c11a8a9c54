import BerthCore
import BerthManifest

/// Which incarnation of a pod an action is about.
public enum PodInstance: Hashable, Sendable {
  /// The one that serves.
  case current
  /// The one that is to take over from it (`strategy = "start-first"`).
  case successor
  /// One that was taken over from, or an earlier run of a schedule.
  case leaving(uid: String)
}

/// One thing to do, and why. Printed by `berth diff`, performed in order by the executor.
public struct PodAction: Hashable, Sendable {
  public enum Verb: Hashable, Sendable {
    case pullImage(reference: String)
    /// Record, cgroup, volumes and sandbox of a new incarnation.
    case createPod
    case startContainer(name: String, attempt: UInt32)
    case stopContainer(name: String, purpose: StopPurpose = .removal)
    /// Write changed limits of the pod (nil) or a container.
    case updateResources(container: String?)
    /// Replace the files of a config or secret volume.
    case updateVolume(name: String)
    /// Tell a container that files have changed.
    case signalContainer(name: String, signal: String)
    /// Stop a container that the pod goes on without.
    case retireContainer(name: String)
    /// Forget a container that the manifest has no more; it has ended.
    case removeContainer(name: String)
    /// Take over a spec whose differences need no restart.
    case recordSpec
    /// Everything the pod owned; its containers are dead.
    case removePod
    /// The successor serves from now on, and the one that did is to go.
    case takeOver
    /// This run goes on, and is the newest no more.
    case setAside
    /// Nothing of it is to run again.
    case failPod(PodFailure)
    /// Everything of a finished pod but the record of how it ended.
    case releasePod
  }
  public var verb: Verb
  public var instance = PodInstance.current
  public var reason: String
  public var changes: [FieldChange]

  public init(_ verb: Verb, because reason: String, changes: [FieldChange] = []) {
    self.verb = verb
    self.reason = reason
    self.changes = changes
  }

  /// As `berth diff` prints it: `start container web (new instance)`.
  public var text: String {
    switch instance {
    case .current: verb.text
    case .successor: verb == .takeOver ? verb.text : "\(verb.text) (new instance)"
    case .leaving: "\(verb.text) (old instance)"
    }
  }
}

extension PodAction.Verb {
  /// `start container web`.
  public var text: String {
    switch self {
    case .pullImage(let reference): "pull image \(reference)"
    case .createPod: "create pod"
    case .startContainer(let name, let attempt): attempt == 0 ? "start container \(name)" : "restart container \(name) (restart \(attempt))"
    case .stopContainer(let name, _), .retireContainer(let name): "stop container \(name)"
    case .updateResources(let container): container.map { "update resources of container \($0)" } ?? "update resources of the pod"
    case .updateVolume(let name): "update files of volume \(name)"
    case .signalContainer(let name, let signal): "send \(signal) to container \(name)"
    case .removeContainer(let name): "remove container \(name)"
    case .recordSpec: "update pod"
    case .removePod: "remove pod"
    case .takeOver: "let the new instance take over"
    case .setAside: "let the run go on beside the next"
    case .failPod(let failure): "fail pod (\(failure.reason))"
    case .releasePod: "remove the containers of the finished pod"
    }
  }
  /// Stable, for JSON.
  public var name: String {
    switch self {
    case .pullImage: "pull_image"
    case .createPod: "create_pod"
    case .startContainer: "start_container"
    case .stopContainer, .retireContainer: "stop_container"
    case .updateResources: "update_resources"
    case .updateVolume: "update_volume"
    case .signalContainer: "signal_container"
    case .removeContainer: "remove_container"
    case .recordSpec: "record_spec"
    case .removePod: "remove_pod"
    case .takeOver: "take_over"
    case .setAside: "set_aside"
    case .failPod: "fail_pod"
    case .releasePod: "release_pod"
    }
  }
  public var container: String? {
    switch self {
    case .startContainer(let name, _), .stopContainer(let name, _), .retireContainer(let name), .removeContainer(let name),
      .signalContainer(let name, _):
      name
    case .updateResources(let name): name
    case .pullImage, .createPod, .updateVolume, .recordSpec, .removePod, .takeOver, .setAside, .failPod, .releasePod: nil
    }
  }
}

/// What a container is stopped for.
public enum StopPurpose: Hashable, Sendable {
  /// Its pod is to go.
  case removal
  /// It is unhealthy: its restart policy decides what follows.
  case restart
  /// Its pod has nothing left to do, or has failed.
  case completion
}

/// What to do now for one pod, and what to wait for.
public struct PodPlan: Hashable, Sendable {
  /// To be done now, in this order. Empty: nothing to do.
  public var actions: [PodAction] = []
  /// Look again then, even if nothing happens: a back-off ends. nil: only an event changes anything.
  public var wakeAt: Instant?
  /// What keeps the pod from its goal although there is nothing to do now, in words.
  public var waitingFor: String?

  public init() {}

  mutating func wait(for reason: String) {
    waitingFor = waitingFor.map { $0.contains(reason) ? $0 : "\($0); \(reason)" } ?? reason
  }

  /// What `other` has to do comes after what this one has; what both have is done once.
  public mutating func merge(_ other: PodPlan) {
    let more = other.actions.filter { !actions.contains($0) }
    actions += more
    wakeAt = earliest(wakeAt, other.wakeAt)
    if let reason = other.waitingFor { wait(for: reason) }
  }

  /// The same for another incarnation.
  func on(_ instance: PodInstance) -> PodPlan {
    var plan = self
    for at in plan.actions.indices { plan.actions[at].instance = instance }
    let whose = instance == .successor ? "the new instance" : "the old instance"
    plan.waitingFor = waitingFor.map { "\(whose): \($0)" }
    return plan
  }

  /// Nothing to do and nothing to wait for.
  public var isConverged: Bool { actions.isEmpty && waitingFor == nil }
}
