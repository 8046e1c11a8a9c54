import BerthCore
import BerthManifest
import BerthPlan
import BerthPods

/// Everything that the status of a pod is computed from.
struct StatusInput {
  var key: PodKey
  var entry: DesiredEntry?
  var observation: PodObservation?
  var plan = PodPlan()
  var images: [String: ImageState] = [:]
  /// Dependencies that containers wait for.
  var unmet: [String] = []
  /// How often each could not be had in a row.
  var imageFailures: [String: Int] = [:]
  /// An action that failed and is tried again later.
  var failure: (verb: PodAction.Verb, error: BerthError, retryAt: Instant)?
  var now: Instant
  /// Of a pod with a schedule: between two runs.
  var isNothingDue = false
  /// How far containers that haven't been started since had come before the node went down.
  var past: [String: PodPast.Container] = [:]
  /// How many earlier runs of its schedule go on.
  var earlierRuns = 0
  /// Why another spec than the manifest's is run.
  var hold: String?
  var wallNow: Timestamp
}

/// Facts to words: pure, so that every surface shows the same.
enum StatusBuilder {
  static func status(_ input: StatusInput, previous: PodStatus?) -> PodStatus {
    var status = PodStatus(key: input.key)
    let spec = input.observation?.actual.spec ?? input.entry?.desired?.spec
    status.source = input.entry?.source ?? input.observation?.source
    status.uid = input.observation?.actual.uid
    status.specHash = input.observation?.actual.hash ?? input.entry?.desired?.hash
    status.addresses = input.observation?.addresses ?? []
    status.generation = input.observation?.generation ?? 0
    status.diagnostics = input.entry?.problem?.diagnostics ?? []
    if let spec {
      (status.labels, status.annotations) = (spec.labels, spec.annotations)
      status.initContainers = spec.initContainers.map {
        container($0, isInit: !$0.isSidecar, policy: $0.isSidecar ? .always : spec.initRestartPolicy, input)
      }
      status.containers = spec.containers.map { container($0, isInit: false, policy: spec.restartPolicy, input) }
    }
    (status.phase, status.reason, status.message) = summary(status, spec, input)
    if status.phase == .pending, status.diagnostics.isEmpty { status.diagnostics = input.entry?.warnings ?? [] }
    status.earlierRuns = input.earlierRuns
    if input.earlierRuns > 0, status.message.isEmpty {
      status.message = input.earlierRuns == 1 ? "an earlier run goes on" : "\(input.earlierRuns) earlier runs go on"
    }
    status.ready = status.phase == .running && isReady(status)
    status.startedAt = status.containers.compactMap(\.startedAt).min()
    status.nextRetryAt = retryTime(input)
    status.converged = input.plan.isConverged && input.failure == nil
    status.conditions = conditions(status, input, previous: previous)
    return status
  }

  private static func retryTime(_ input: StatusInput) -> Timestamp? {
    let due = [input.plan.wakeAt, input.failure?.retryAt].compactMap { $0 }.min()
    // To the millisecond: the two clocks were read one after the other, and 20:05:00 is to be that.
    let unit: Int64 = 1_000_000
    return due.map { Timestamp(nanoseconds: (input.wallNow.nanoseconds &+ ($0 - input.now).nanoseconds &+ unit / 2) / unit * unit) }
  }

  private static func container(_ spec: ContainerSpec, isInit: Bool, policy: RestartPolicy, _ input: StatusInput) -> PodStatus.Container {
    var status = PodStatus.Container(name: spec.name, image: spec.image)
    status.imageDigest = input.observation?.images[spec.image]
    if status.imageDigest == nil, case .present(let digest)? = input.images[spec.image] { status.imageDigest = digest }
    guard let actual = input.observation?.actual.containers[spec.name] else {
      (status.reason, status.message) = waitingReason(spec, input)
      status.last = input.past[spec.name].map { PodStatus.LastState($0.termination) }
      status.restartCount = input.past[spec.name]?.attempt ?? 0
      return status
    }
    if let details = input.observation?.containers[spec.name] {
      (status.id, status.pid, status.startedAt, status.finishedAt) = (details.id, details.pid, details.startedAt, details.finishedAt)
      status.logPath = details.logPath
      status.last = details.last.map { PodStatus.LastState($0) }
    }
    status.restartCount = actual.attempt
    switch actual.state {
    case .running:
      status.state = .running
      status.ready = !isInit && actual.health.isReady
      status.message = actual.health.failure?.words ?? actual.health.message
      if case .lost = input.observation?.actual.sandbox { (status.ready, status.reason) = (false, "ShimLost") }
    case .stopping:
      status.state = .running
      status.reason = "Terminating"
      status.message = actual.stopReason ?? ""
    case .exited(let exit):
      describe(
        exit, isInit: isInit, willRestart: actual.restarts(policy) && !isFinished(input), isPaused: !isStarted(spec.name, by: input.plan),
        &status)
      if status.state == .waiting, let first = input.unmet.first, isDue(actual, after: exit, input) {
        status.message = "waiting for \(first); last: \(exit.words)"
        status.reason = "DependenciesNotReady"
      }
      if status.state == .waiting {
        status.last = PodStatus.LastState(
          Termination(attempt: actual.attempt, outcome: exit.outcome, startedAt: status.startedAt, finishedAt: status.finishedAt))
      }
    }
    return status
  }

  /// Whether its back-off is over.
  private static func isDue(_ container: ActualContainer, after exit: ContainerExit, _ input: StatusInput) -> Bool {
    guard let backoff = input.observation?.actual.spec.restartBackoff else { return false }
    return exit.at + backoff.delay(step: backoff.step(of: container, after: exit)) <= input.now
  }

  /// Whether none of its containers is started again.
  private static func isFinished(_ input: StatusInput) -> Bool {
    input.observation.map { $0.actual.isFinished || $0.actual.failure != nil } ?? false
  }

  /// Sidecars count too.
  private static func isReady(_ status: PodStatus) -> Bool {
    !status.containers.isEmpty && (status.initContainers + status.containers).allSatisfy(\.ready)
  }

  private static func isStarted(_ name: String, by plan: PodPlan) -> Bool {
    plan.actions.contains { if case .startContainer(name, _) = $0.verb { true } else { false } }
  }

  /// `isPaused`: its next start is for later, not for now.
  private static func describe(
    _ exit: ContainerExit, isInit: Bool, willRestart: Bool, isPaused: Bool, _ status: inout PodStatus.Container
  ) {
    status.state = willRestart ? .waiting : .terminated
    (status.reason, status.message) = (exit.outcome.reason, exit.words)
    (status.exitCode, status.signal) = (exit.outcome.exitCode, exit.outcome.signal)
    if isInit && exit.succeeded { status.ready = true }
    if willRestart && isPaused {
      status.message = "back-off; last: \(status.reason), \(status.message)"
      status.reason = "CrashLoopBackOff"
    }
    status.pid = nil
  }

  private static func waitingReason(_ spec: ContainerSpec, _ input: StatusInput) -> (String, String) {
    if input.observation != nil, let first = input.unmet.first { return ("DependenciesNotReady", "waiting for \(first)") }
    return switch input.images[spec.image] {
    case .pulling?: ("ContainerCreating", "pulling image \(spec.image)")
    case .failed(let message, let retryAt)?: imageReason(spec, message, isPaused: retryAt != nil, input.imageFailures[spec.image] ?? 0)
    case .present?, .absent?, nil: ("ContainerCreating", "")
    }
  }

  /// As Kubernetes: what went wrong at first, a back-off once it went wrong again.
  private static func imageReason(_ spec: ContainerSpec, _ message: String, isPaused: Bool, _ failures: Int) -> (String, String) {
    if spec.imagePullPolicy == .never && !spec.isImageLocal { return ("ErrImageNeverPull", message) }
    return isPaused && failures > 1
      ? ("ImagePullBackOff", "back-off pulling image \(spec.image): ErrImagePull: \(message)") : ("ErrImagePull", message)
  }

  private static func summary(_ status: PodStatus, _ spec: PodSpec?, _ input: StatusInput) -> (PodStatus.Phase, String, String) {
    let problem = input.entry?.problem?.message ?? input.hold ?? input.entry?.notice ?? input.observation?.actual.drift.first?.text
    guard let spec else { return (.pending, "ManifestInvalid", problem ?? "") }
    if let failure = input.failure { return (phase(status, spec), failure.verb.failureReason, "\(failure.error)") }
    if input.observation == nil, let reason = input.entry?.desired?.suspension { return (.pending, "Suspended", problem ?? reason) }
    if input.observation == nil, input.isNothingDue {
      let next = retryTime(input).map { "the next run is at \($0)" } ?? "no run comes"
      return (.pending, "Scheduled", problem ?? input.plan.waitingFor ?? next)
    }
    if case .lost? = input.observation?.actual.sandbox, !isFinished(input) { return (.unknown, "ShimLost", input.plan.waitingFor ?? "") }
    if input.entry?.desired == nil && input.observation != nil { return (phase(status, spec), "Terminating", input.plan.waitingFor ?? "") }
    if let failure = input.observation?.actual.failure { return (.failed, failure.reason, failure.message) }
    if input.observation == nil, let first = input.unmet.first {
      return (.pending, "DependenciesNotReady", problem ?? "waiting for \(first)")
    }
    let phase = phase(status, spec)
    let all = status.initContainers + status.containers
    let sidecars = Set(spec.initContainers.filter(\.isSidecar).map(\.name))
    let troubled =
      all.first { $0.state == .waiting && !$0.reason.isEmpty && $0.reason != "ContainerCreating" }
      ?? (status.initContainers.filter { !sidecars.contains($0.name) } + status.containers).first {
        $0.state == .terminated && $0.reason != "Completed"
      }
    if let troubled {
      // What its successor waits for, such as an image, is what there is to mend.
      let next = isReplaced(input) ? input.plan.waitingFor.map { "; to replace it, waiting: \($0)" } : nil
      return (phase, troubled.reason, problem ?? "container \(troubled.name): \(troubled.message)" + (next ?? ""))
    }
    if phase == .succeeded { return (phase, "Completed", problem ?? "") }
    if phase == .pending { return (phase, "ContainerCreating", problem ?? input.plan.waitingFor ?? "") }
    let reason = input.entry?.problem != nil ? "ManifestInvalid" : input.hold != nil ? "RolledBack" : ""
    return (phase, reason, problem ?? input.plan.waitingFor.map { "waiting: \($0)" } ?? "")
  }

  /// Whether another spec is to take the place of the one that is there.
  private static func isReplaced(_ input: StatusInput) -> Bool {
    guard let actual = input.observation?.actual, let desired = input.entry?.desired else { return false }
    return actual.hash != desired.hash
  }

  private static func phase(_ status: PodStatus, _ spec: PodSpec) -> PodStatus.Phase {
    let sidecars = Set(spec.initContainers.filter(\.isSidecar).map(\.name))
    if status.initContainers.contains(where: { $0.state == .terminated && $0.exitCode != 0 && !sidecars.contains($0.name) }) {
      return .failed
    }
    let containers = status.containers
    if containers.isEmpty
      || containers.contains(where: { $0.startedAt == nil && $0.state == .waiting && $0.restartCount == 0 && $0.id.isEmpty })
    {
      return .pending
    }
    if containers.allSatisfy({ $0.state == .terminated }) { return containers.allSatisfy { $0.exitCode == 0 } ? .succeeded : .failed }
    // Kubernetes calls a pod running once all its containers were created, restarts included.
    return containers.contains { $0.startedAt != nil } ? .running : .pending
  }

  private static func conditions(_ status: PodStatus, _ input: StatusInput, previous: PodStatus?) -> [PodStatus.Condition] {
    let problem = input.entry?.problem
    let initialized = status.initContainers.allSatisfy(\.ready) && input.observation != nil
    let containersReady = isReady(status)
    let unready = (status.initContainers + status.containers).filter { !$0.ready }
    // As the kubelet words it, where nothing else is the matter.
    let notReady = status.reason.isEmpty ? "ContainersNotReady" : status.reason
    let why =
      status.message.isEmpty && !unready.isEmpty
      ? "not ready: " + unready.map { $0.message.isEmpty ? $0.name : "\($0.name) (\($0.message))" }.joined(separator: ", ") : status.message
    let values: [(String, Bool, String, String)] = [
      ("ManifestValid", problem == nil, problem == nil ? "" : "ManifestInvalid", problem?.message ?? ""),
      ("Initialized", initialized, initialized ? "" : status.reason, ""),
      ("ContainersReady", containersReady, containersReady ? "" : notReady, containersReady ? "" : why),
      ("Ready", status.ready, status.ready ? "" : notReady, status.ready ? "" : why),
    ]
    return values.map { type, value, reason, message in
      let before = previous?.conditions.first { $0.type == type }
      let since = before.flatMap { $0.status == value ? $0.lastTransition : nil } ?? input.wallNow
      return PodStatus.Condition(type: type, status: value, reason: reason, message: message, lastTransition: since)
    }
  }
}

extension PodAction.Verb {
  /// What a pod is said to suffer from that this can't be done for; Kubernetes' word where it has one.
  fileprivate var failureReason: String {
    switch self {
    case .pullImage: "ErrImagePull"
    case .createPod, .takeOver, .setAside: "CreatePodSandboxError"
    case .startContainer: "CreateContainerError"
    case .stopContainer, .retireContainer, .signalContainer: "KillContainerError"
    case .removeContainer, .removePod, .releasePod: "KillPodSandboxError"
    case .updateResources, .updateVolume, .recordSpec, .failPod: "UpdateError"
    }
  }
}
