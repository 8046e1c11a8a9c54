import BerthCore
import BerthLinux
import BerthManifest
import BerthOCI
import BerthSeccomp
import Synchronization

/// Compiled seccomp filters as files: compiling one takes tens of milliseconds, so each is made once for all containers that need the
/// same, and kept on disk for later daemons.
public final class SeccompFilters: Sendable {
  private let directory: String
  private let standard: SeccompProfile
  private let kernel: KernelVersion
  private let known = Mutex<[Key: String]>([:])

  private struct Key: Hashable {
    var capabilities: [String]
    /// What the profile says, in a digest; empty for the standard one.
    var profile: String
  }

  /// `directory` is made if it isn't there. `profile`: `[runtime] seccomp_profile`, nil for the built-in one.
  public init(directory: String, profile: String?) throws(BerthError) {
    self.directory = directory
    do throws(Errno) {
      try Files.makeDirectories(directory)
      // An unknown release gets the rules that hold for every kernel.
      kernel = KernelVersion(try Kernel.release()) ?? KernelVersion(major: 0, minor: 0)
    } catch { throw BerthError(.unavailable, "prepare seccomp filters", directory, cause: "\(error)") }
    standard = try profile.map { path throws(BerthError) in try Self.read(path) } ?? .standard
  }

  /// The file with the filter for a container with these capabilities, nil if it is to run without one.
  public func path(for security: SecuritySpec, capabilities: [String]) throws(BerthError) -> String? {
    if security.privileged || security.seccomp == .unconfined { return nil }
    var key = Key(capabilities: capabilities, profile: "")
    if case .file(let file) = security.seccomp { key.profile = SHA256.hexDigest(file.content?.bytes ?? []) }
    if let path = known.withLock({ $0[key] }) { return path }
    var profile = standard
    var isFixed = true
    if case .file(let file) = security.seccomp {
      if let content = file.content {
        profile = try SeccompProfile(parsing: content.bytes)
      } else {
        // A record of an earlier version has the path alone, and what is there may change.
        profile = try Self.read(file.path)
        isFixed = false
      }
    }
    let path = try file(for: profile.resolved(capabilities: capabilities, kernel: kernel))
    if isFixed { known.withLock { $0[key] = path } }
    return path
  }

  private func file(for rules: LinuxSeccomp) throws(BerthError) -> String {
    let path = "\(directory)/\(SeccompCompiler.cacheKey(rules)).bpf"
    if Files.exists(path) { return path }
    let program = try SeccompCompiler.compile(rules)
    do throws(Errno) { try Files.writeAtomically(program, to: path) } catch {
      throw BerthError(.unavailable, "keep seccomp filter", path, cause: "\(error)")
    }
    return path
  }

  private static func read(_ path: String) throws(BerthError) -> SeccompProfile {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path, limit: 4 << 20) } catch {
      throw BerthError(.failedPrecondition, "read seccomp profile", path, cause: "\(error)")
    }
    return try SeccompProfile(parsing: bytes)
  }
}
