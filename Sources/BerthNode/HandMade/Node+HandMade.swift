import BerthCore
import BerthLinux
import BerthPlan
import BerthStore

extension Node {
  /// How long a task's removal may take beyond the grace period of its container.
  private static let removalTime: Duration = .seconds(60)

  public func containers() -> [HandMadeContainer] { handMade.all() }

  /// Throws `.notFound`.
  public func container(_ key: PodKey) throws(BerthError) -> HandMadeContainer {
    if let container = handMade[key] { return container }
    let cause =
      desired.entry(key) == nil ? "there is none; berth container ls lists them" : "a manifest describes it; edit or remove that file"
    throw BerthError(.notFound, "find container", "\(key)", cause: cause)
  }

  /// `manifest`: TOML with one container. Blocks. Throws `.invalidArgument` with everything that is wrong with it, `.alreadyExists`.
  public func createContainer(_ key: PodKey, manifest: [UInt8]) throws(BerthError) -> HandMadeContainer {
    // Once it was started it is asked for as well.
    if handMade[key] == nil, let entry = desired.entry(key) {
      throw HandMadeContainers.taken(key, by: "the pod of \(entry.source ?? "a manifest")")
    }
    let record = HandMadeRecord(
      namespace: key.namespace, name: key.name, content: manifest, created: Clock.wallNanoseconds() / 1_000_000_000)
    return try handMade.add(record)
  }

  /// Throws `.failedPrecondition` while its task is there. Blocks.
  public func removeContainer(_ key: PodKey) throws(BerthError) {
    _ = try container(key)
    guard !hasTask(key) else {
      throw BerthError(.failedPrecondition, "remove container", "\(key)", cause: "its task is there; berth task rm removes it")
    }
    if let waiting = try handMade.remove(key) { apply(ManifestDirectory.Update(entries: [key: waiting], warning: desired.warning)) }
  }

  /// Whether it was started and not removed since.
  public func hasTask(_ key: PodKey) -> Bool { desired.entry(key) != nil || statuses.status(of: key) != nil }

  /// Returns at once; `wait` tells of the outcome. Throws `.alreadyExists` for a second task.
  public func startTask(_ key: PodKey) throws(BerthError) {
    let container = try container(key)
    guard !hasTask(key) else {
      throw BerthError(.alreadyExists, "start task", "\(key)", cause: "it has a task; berth task rm removes it")
    }
    ask(for: DesiredEntry(desired: container.pod), key)
  }

  /// Returns once nothing of it is left. Throws `.failedPrecondition` where it runs and `force` isn't set, which kills it.
  public func removeTask(_ key: PodKey, force: Bool) async throws(BerthError) {
    let container = try container(key)
    guard hasTask(key) else { throw BerthError(.notFound, "remove task", "\(key)", cause: "it has none") }
    if !force, let status = statuses.status(of: key), status.phase != .succeeded && status.phase != .failed {
      throw BerthError(
        .failedPrecondition, "remove task", "\(key)", cause: "it is \(status.phase.rawValue); berth task kill ends it, or use --force")
    }
    if force, let kill = SignalName.number("KILL") {
      // Without a grace period, as containerd's clients do; what isn't running is fine.
      for container in container.pod.spec.containers { try? await control(of: key).signal(container.name, kill, all: true) }
    }
    ask(for: nothing(for: key), key)
    let limit = container.pod.spec.terminationGracePeriod + Self.removalTime
    guard await Waiting.until(statuses, timeout: limit, { self.statuses.status(of: key) == nil }) else {
      throw BerthError(.deadlineExceeded, "remove task", "\(key)", cause: "it is not gone yet; it is still being removed")
    }
  }

  /// What is asked for of a pod that is to go.
  func nothing(for key: PodKey) -> DesiredEntry { DesiredEntry(absence: handMade[key] == nil ? nil : "it was removed by hand") }

  /// What can be done by hand to the containers of a pod, of a manifest or not. Throws `.notFound` where nothing of it is there.
  public func control(of key: PodKey) async throws(BerthError) -> any ContainerControl {
    if let control = await handle(of: key) as? any ContainerControl { return control }
    throw BerthError(.notFound, "find task", "\(key)", cause: "nothing of it runs; berth task ls lists what does")
  }
}
