import BerthCore

/// What a filter answers. Source: seccomp(2), SECCOMP_RET_*.
enum SeccompAction {
  static let allow: UInt32 = 0x7fff_0000
  static let log: UInt32 = 0x7ffc_0000
  static let notify: UInt32 = 0x7fc0_0000
  static let killProcess: UInt32 = 0x8000_0000
  static func fail(_ errno: UInt32) -> UInt32 { 0x0005_0000 | (errno & 0xffff) }

  static func value(_ name: String, _ errno: UInt32?, _ path: String) throws(BerthError) -> UInt32 {
    switch name {
    case "SCMP_ACT_ALLOW": return allow
    case "SCMP_ACT_ERRNO":
      guard (errno ?? 1) <= 4095 else { throw SeccompCompiler.failure(.invalidArgument, path, "the error number is above 4095") }
      return fail(errno ?? 1)
    case "SCMP_ACT_TRACE":
      // A message for the tracer; without one, the call fails with ENOSYS.
      guard (errno ?? 1) <= 0xffff else { throw SeccompCompiler.failure(.invalidArgument, path, "errnoRet is above 65535") }
      return 0x7ff0_0000 | (errno ?? 1)
    case "SCMP_ACT_KILL_PROCESS": return killProcess
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return 0
    case "SCMP_ACT_TRAP": return 0x0003_0000
    case "SCMP_ACT_LOG": return log
    case "SCMP_ACT_NOTIFY": return notify
    default: throw SeccompCompiler.failure(.invalidArgument, path, "unknown action \"\(name)\"")
    }
  }
}
