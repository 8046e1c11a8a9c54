public struct SecuritySpec: Hashable, Sendable {
  public enum Seccomp: Hashable, Sendable {
    case `default`
    case unconfined
    /// A profile in Docker's JSON format on the node.
    case file(ContentFile)
  }
  public var privileged = false
  public var readOnlyRootFilesystem = false
  public var runAsNonRoot = false
  public var noNewPrivileges = true
  /// On top of Docker's default 14, without `CAP_`; `ALL` is known.
  public var addCapabilities: [String] = []
  public var dropCapabilities: [String] = []
  public var seccomp: Seccomp = .default
  /// A profile that is loaded on the node, or `unconfined`; nil keeps the default.
  public var apparmor: String?
  /// nil keeps the default list (hardening checklist).
  public var maskedPaths: [String]?
  public var readonlyPaths: [String]?
  public init() {}
}
