import BerthCore
import BerthOCI

/// Turns seccomp profiles into BPF through libseccomp. Source: seccomp(2), config-linux.md "Seccomp".
public enum SeccompCompiler {
  /// The machine that a filter is for.
  public enum Architecture: String, Sendable, CaseIterable {
    case x86_64
    case aarch64
  }

  /// The filter program (struct sock_filter, native byte order), 30 to 60 ms for a full profile: keep it. Throws `.invalidArgument`
  /// for what no filter can say, `.unsupported` for what this compiler can't.
  public static func compile(_ profile: LinuxSeccomp, for architecture: Architecture = .native) throws(BerthError) -> [UInt8] {
    throw BerthError(.unsupported, "compile seccomp profile", cause: "not built yet")
  }

  /// Equal for equal programs: a name for the compiled filter's file, of a-z, 0-9 and `-`.
  public static func cacheKey(_ profile: LinuxSeccomp, for architecture: Architecture = .native) -> String { "" }
}

extension SeccompCompiler.Architecture {
  /// Of this program.
  public static var native: Self {
    #if arch(arm64)
      .aarch64
    #else
      .x86_64
    #endif
  }
}
