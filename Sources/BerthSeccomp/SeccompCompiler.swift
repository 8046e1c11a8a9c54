import BerthCore
import BerthLinux
import BerthOCI
import CSeccomp

/// Turns seccomp profiles into BPF through libseccomp. Source: seccomp(2), config-linux.md "Seccomp".
public enum SeccompCompiler {
  /// The machine that a filter is for.
  public enum Architecture: String, Sendable, CaseIterable {
    case x86_64
    case aarch64
  }

  /// Goes into cache keys: programs of another version are compiled anew.
  private static let version = 3

  /// The filter program (struct sock_filter, native byte order), 30 to 60 ms for a full profile: keep it. Calls of an architecture that
  /// is neither `architecture` nor among those of the profile kill the process; calls newer than any that the profile names fail with ENOSYS, so that libraries fall back to older ones.
  /// Throws `.invalidArgument` for what no filter can say, `.unsupported` for what this compiler can't.
  public static func compile(_ profile: LinuxSeccomp, for architecture: Architecture = .native) throws(BerthError) -> [UInt8] {
    let standard = try SeccompAction.value(profile.defaultAction, profile.defaultErrno, "defaultAction")
    if standard == SeccompAction.notify {
      throw failure(.invalidArgument, "defaultAction", "SCMP_ACT_NOTIFY for every call would ask about those of who answers, too")
    }
    var foreign: [UInt32] = []
    for (at, name) in profile.architectures.enumerated() where name != architecture.ociName {
      guard let token = SyscallNumbers.token(name) else { throw failure(.unsupported, "architectures[\(at)]", "unknown: \"\(name)\"") }
      if !foreign.contains(token) { foreign.append(token) }
    }
    let prologue = try FilterPrologue(profile, standard, architecture, foreign: foreign)
    var profile = profile
    profile.syscalls.removeAll(where: prologue.takes)
    let program = try Context(standard, architecture, foreign: foreign).compiled(profile, standard)
    let bytes = prologue.bytes + program
    guard bytes.count <= 4096 * 8 else { throw failure(.invalidArgument, "syscalls", "the program is longer than 4096 instructions") }
    return bytes
  }

  /// Equal for equal programs: a name for the compiled filter's file, of a-z, 0-9 and `-`.
  public static func cacheKey(_ profile: LinuxSeccomp, for architecture: Architecture = .native) -> String {
    let text = profile.json().canonical() + Array("\(version) \(architecture.rawValue)".utf8)
    // FNV-1a from two beginnings: profiles are the operator's, nobody has a reason to look for a collision.
    let halves = [0xcbf2_9ce4_8422_2325 as UInt64, 0x6c62_272e_07bb_0142].map { seed in
      text.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
    return "\(architecture == .x86_64 ? "x86-64" : "aarch64")-" + halves.map { String($0, radix: 16) }.joined(separator: "-")
  }

  static func failure(_ code: ErrorCode, _ path: String, _ cause: String) -> BerthError {
    BerthError(code, "compile seccomp profile", path, cause: cause)
  }
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
  /// AUDIT_ARCH_*, as filters see it.
  var token: UInt32 { self == .x86_64 ? 0xc000_003e : 0xc000_00b7 }
  var ociName: String { self == .x86_64 ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64" }
  var goName: String { self == .x86_64 ? "amd64" : "arm64" }
}
