import BerthManifest

/// What a new incarnation of a pod is made from.
public struct PodRequest: Hashable, Sendable {
  public var spec: PodSpec
  public var hash: String
  /// The manifest's path.
  public var source: String
  /// One more than the last incarnation's.
  public var generation: Int64
  /// Image reference → the digest to run, where that is settled: a rollback returns to the bytes of then.
  public var images: [String: String] = [:]
  /// The uid of the incarnation that it is made beside, to take over from it.
  public var successorTo: String?
  /// The time of the run that it is, of a pod with a schedule.
  public var scheduledFor: Int64?
  /// How far it had come before the node went down, of one that goes on.
  public var past: PodPast?

  public init(spec: PodSpec, hash: String, source: String, generation: Int64) {
    self.spec = spec
    self.hash = hash
    self.source = source
    self.generation = generation
  }
}
