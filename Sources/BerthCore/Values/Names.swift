/// Names of pods, namespaces, containers and volumes. Source: RFC 1123 label, as Kubernetes uses it.
public enum DNSLabel {
  /// 1 to 63 of a-z, 0-9 and `-`, neither first nor last a `-`.
  @inlinable
  public static func isValid(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    guard (1...63).contains(bytes.count), bytes.first != 45 else { return false }
    var last: UInt8 = 45
    for byte in bytes {
      guard (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 else { return false }
      last = byte
    }
    return last != 45
  }
}

/// A pod's identity on its node: `namespace/name`.
public struct PodKey: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var namespace: String
  public var name: String

  public init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  /// `name` or `namespace/name`; nil unless both are DNS-1123 labels.
  public init?(_ text: String, defaultNamespace: String = "default") {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy({ DNSLabel.isValid($0) }), DNSLabel.isValid(defaultNamespace) else { return nil }
    namespace = parts.count == 2 ? parts[0] : defaultNamespace
    name = parts[parts.count - 1]
  }

  /// By the name alone: few pods share one, and nearly all a namespace.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  public var description: String { "\(namespace)/\(name)" }
  public static func < (a: PodKey, b: PodKey) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
}
