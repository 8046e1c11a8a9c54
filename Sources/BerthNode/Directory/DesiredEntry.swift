import BerthManifest
import BerthPlan

/// What the directory says of one pod.
public struct DesiredEntry: Hashable, Sendable {
  /// nil: no good spec was ever seen, or the manifest is gone.
  public var desired: DesiredPod?
  /// The manifest's path; nil once it is gone.
  public var source: String?
  public var problem: ManifestProblem?
  /// What else is to be known of it: a change of it waits for approval.
  public var notice: String?
  /// Of a manifest without errors: what may keep its pod from running.
  public var warnings: [Diagnostic] = []
  /// Whether it was never approved: not to be remembered as a spec that was in force.
  public var isUnapproved = false
  /// Why nothing is asked for, where it isn't that the manifest is gone.
  public var absence: String?

  public init(desired: DesiredPod? = nil, source: String? = nil, problem: ManifestProblem? = nil) {
    self.desired = desired
    self.source = source
    self.problem = problem
  }
}
