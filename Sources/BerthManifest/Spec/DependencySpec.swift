import BerthCore

/// Another pod that must have come so far before any container of this one is started.
public struct DependencySpec: Hashable, Sendable {
  public enum Condition: String, Sendable, CaseIterable {
    /// It runs, or has run to success.
    case started
    case ready
    /// All of its containers have ended well.
    case succeeded
  }
  public var pod: PodKey
  public var condition: Condition

  public init(pod: PodKey, condition: Condition = .ready) {
    self.pod = pod
    self.condition = condition
  }

  var json: JSON { ["pod": .string("\(pod)"), "condition": .string(condition.rawValue)] }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init(pod: try reader.required("pod") { $0.string.flatMap { PodKey($0) } })
    try reader.read("condition", into: &condition)
  }
}

extension PodSpec {
  /// Whether its containers are started again however they end: who waits for its success waits for ever.
  public var neverSucceeds: Bool { restartPolicy == .always }
}
