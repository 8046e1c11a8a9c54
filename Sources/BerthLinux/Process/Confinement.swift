import CBerthSys
import Glibc

/// Gives rights up for good. Called by a process about itself, before it reads anything that isn't trusted.
public enum Confinement {
  /// Linux capabilities by number. Source: capabilities(7).
  public enum Capability: UInt8, Sendable, CaseIterable {
    case chown = 0
    case dacOverride = 1
    case fowner = 3
    case fsetid = 4
    case sysAdmin = 21
    case mknod = 27
    case setfcap = 31
  }

  /// After it: no new privileges by any exec, no capability but `capabilities` (bounding, permitted and effective; inheritable and
  /// ambient are empty), no core dumps, not traceable by others of its user, umask 0, no descriptor above 2, and SIGKILL when the
  /// parent's thread that started it ends. Throws `.noSuchProcess` if the parent has ended already.
  public static func apply(keeping capabilities: [Capability], parent: pid_t) throws(Errno) {
    var mask: UInt64 = 0
    for capability in capabilities { mask |= 1 << UInt64(capability.rawValue) }
    try call { berth_confine(mask) }
    guard getppid() == parent else { throw .noSuchProcess }
  }

  /// This process's parent.
  public static var parent: pid_t { getppid() }
}
