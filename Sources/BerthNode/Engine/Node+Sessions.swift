import BerthCore
import BerthManifest
import BerthPods

extension Node {
  /// Readies a session for a further process of a container (nil: the pod's first): the path of its one-time socket.
  public func openExec(_ key: PodKey, _ container: String?, _ options: ExecOptions) async throws(BerthError) -> String {
    let pod = try await incarnation(of: key, "exec in container")
    let socket = try await pod.openExec(container, options)
    events.record("Exec", "container \(container ?? "(first)"): \(options.command.first ?? "")", pod: key, container: container)
    return socket
  }

  /// Readies a session with a container's own streams (nil: the pod's first).
  public func openAttachment(_ key: PodKey, _ container: String?) async throws(BerthError) -> Attachment {
    try await incarnation(of: key, "attach to container").openAttachment(container)
  }

  /// Readies a session with a connection to a port of a pod's loopback interface, IPv6's where `isSix`.
  public func openConnection(_ key: PodKey, port: UInt16, isSix: Bool) async throws(BerthError) -> String {
    let socket = try await incarnation(of: key, "connect to pod").openConnection(port: port, isSix: isSix)
    events.record("PortForward", "a connection to port \(port)", pod: key)
    return socket
  }

  /// Replaces a pod's incarnation by another of the same spec; returns once that runs. `.deadlineExceeded` if it takes longer than
  /// `timeout`; zero doesn't wait.
  public func restart(_ key: PodKey, timeout: Duration) async throws(BerthError) {
    let before = statuses.status(of: key)?.uid
    guard let worker = workers.worker(key) else { throw unknownPod(key, "restart pod") }
    try await worker.restart()
    if timeout == .zero { return }
    let done = await Waiting.until(statuses, timeout: timeout) { [statuses] in
      statuses.status(of: key).map { $0.uid != before && ($0.phase == .running || $0.phase == .succeeded) } ?? false
    }
    guard done else { throw BerthError(.deadlineExceeded, "restart pod", "\(key)", cause: "the new one doesn't run yet; see berth status") }
  }

  /// Throws `.notFound` for a pod that nobody knows, or that has no incarnation.
  func incarnation(of key: PodKey, _ operation: String) async throws(BerthError) -> any PodHandle {
    guard let worker = workers.worker(key) else { throw unknownPod(key, operation) }
    return try await worker.incarnation(operation)
  }

  /// For a name that no pod has: with those that it may have been meant for, as they are named from its namespace.
  public func unknownPod(_ key: PodKey, _ operation: String) -> BerthError {
    let keys = statuses.all().map(\.key)
    let elsewhere = keys.filter { $0.name == key.name }.map { "\($0)" }
    let near =
      elsewhere.isEmpty ? Suggestion.near(to: key.name, among: keys.filter { $0.namespace == key.namespace }.map(\.name)) : elsewhere
    let hint = near.isEmpty ? "berth status -A lists the pods" : "did you mean \(near.joined(separator: ", "))?"
    return BerthError(.notFound, operation, "\(key)", cause: "there is no such pod; \(hint)")
  }
}
