/// Where the value of an environment variable comes from.
public enum EnvValue: Hashable, Sendable, ExpressibleByStringLiteral {
  case text(String)
  /// A file of one of the pod's secret volumes.
  case secret(volume: String, file: String)
  /// A file's content.
  case file(ContentFile)
  case field(EnvField)

  public init(stringLiteral value: String) { self = .text(value) }
}

/// What a pod can tell a container of itself.
public enum EnvField: String, Sendable, CaseIterable {
  case podIP = "pod.ip"
  case podName = "pod.name"
  case podNamespace = "pod.namespace"
  case podUID = "pod.uid"
  case nodeName = "node.name"
}
