import BerthCore
import BerthOCI

/// A profile before capabilities, architecture and kernel have picked its rules: Docker's JSON format.
public struct SeccompProfile: Sendable, Hashable {
  /// What containers get unless their manifest says otherwise.
  public static let standard = SeccompProfile()

  public init() {}

  /// From Docker's or Podman's JSON. Throws `.invalidArgument` naming the member.
  public init(parsing bytes: [UInt8]) throws(BerthError) {
    throw BerthError(.unsupported, "read seccomp profile", cause: "not built yet")
  }

  /// The rules that hold for a container with these capabilities (bounding set, `CAP_…`).
  /// `kernel`: (major, minor) of the node.
  public func resolved(
    capabilities: [String], kernel: (major: Int, minor: Int), architecture: SeccompCompiler.Architecture = .native
  ) -> LinuxSeccomp { LinuxSeccomp(defaultAction: "SCMP_ACT_ERRNO", defaultErrno: 1) }
}
