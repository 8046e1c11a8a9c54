import BerthManifest
import BerthPlan

/// What the directory says of one pod.
public struct DesiredEntry: Hashable, Sendable {
  /// nil: no good spec was ever seen, or the manifest is gone.
  public var desired: DesiredPod?
  /// The manifest's path; nil once it is gone.
  public var source: String?
  /// nil where nothing is to be remarked, as of nearly all pods: thousands of entries pass through many hands at a start.
  private var remarks: Remarks?

  public init(desired: DesiredPod? = nil, source: String? = nil, problem: ManifestProblem? = nil, absence: String? = nil) {
    self.desired = desired
    self.source = source
    if problem != nil || absence != nil { (self.problem, self.absence) = (problem, absence) }
  }

  public var problem: ManifestProblem? {
    get { remarks?.content.problem }
    set { remark { $0.problem = newValue } }
  }
  /// What else is to be known of it: a change of it waits for approval.
  public var notice: String? {
    get { remarks?.content.notice }
    set { remark { $0.notice = newValue } }
  }
  /// Of a manifest without errors: what may keep its pod from running.
  public var warnings: [Diagnostic] {
    get { remarks?.content.warnings ?? [] }
    set { remark { $0.warnings = newValue } }
  }
  /// Whether it was never approved: not to be remembered as a spec that was in force.
  public var isUnapproved: Bool {
    get { remarks?.content.isUnapproved ?? false }
    set { remark { $0.isUnapproved = newValue } }
  }
  /// Why nothing is asked for, where it isn't that the manifest is gone.
  public var absence: String? {
    get { remarks?.content.absence }
    set { remark { $0.absence = newValue } }
  }

  private mutating func remark(_ change: (inout Remarks.Content) -> Void) {
    var content = remarks?.content ?? Remarks.Content()
    change(&content)
    remarks = content == Remarks.Content() ? nil : Remarks(content)
  }
}

/// What is rarely to be said of a pod, shared by all copies of its entry.
private final class Remarks: Hashable, Sendable {
  struct Content: Hashable {
    var problem: ManifestProblem?
    var notice: String?
    var warnings: [Diagnostic] = []
    var isUnapproved = false
    var absence: String?
  }
  let content: Content

  init(_ content: Content) { self.content = content }

  static func == (a: Remarks, b: Remarks) -> Bool { a === b || a.content == b.content }
  func hash(into hasher: inout Hasher) { hasher.combine(content) }
}
