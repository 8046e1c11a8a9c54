import BerthCore
import BerthPlan

/// One pod as facts show it: what the planner needs, and what only people want to know.
public struct PodObservation: Hashable, Sendable {
  public var actual: ActualPod
  public var generation: Int64
  public var source: String
  /// Image reference → the digest it resolved to when the pod was created.
  public var images: [String: String]
  public var containers: [String: ContainerDetails]
  /// Those of the first interface first.
  public var addresses: [String] = []
  /// When it was made, by the wall clock: for display, and for those who come after a reboot.
  public var createdAt = Timestamp(nanoseconds: 0)
  /// How far its containers had come before the node went down, of those that haven't been started since.
  public var past: [String: PodPast.Container] = [:]

  public init(
    actual: ActualPod, generation: Int64, source: String, images: [String: String], containers: [String: ContainerDetails] = [:]
  ) {
    self.actual = actual
    self.generation = generation
    self.source = source
    self.images = images
    self.containers = containers
  }
}

/// Of the newest attempt.
public struct ContainerDetails: Hashable, Sendable {
  /// `POD_UID/NAME/ATTEMPT`.
  public var id: String
  public var pid: Int32?
  public var startedAt: Timestamp?
  public var finishedAt: Timestamp?
  public var logPath: String
  /// What an earlier look found out of this attempt's health.
  public var known: HealthVerdict?
  /// How the attempt before it ended.
  public var last: Termination?

  public init(id: String, pid: Int32?, startedAt: Timestamp?, finishedAt: Timestamp?, logPath: String) {
    self.id = id
    self.pid = pid
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.logPath = logPath
  }
}
