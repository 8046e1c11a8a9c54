import BerthCore
import BerthOCI

/// What stands before libseccomp's program: calls that libseccomp doesn't know yet are allowed by their number, and those newer than the
/// profile fail with ENOSYS.
struct FilterPrologue {
  private var instructions: [UInt64] = []

  private static let load: UInt16 = 0x20, jumpEqual: UInt16 = 0x15, jumpGreater: UInt16 = 0x25, jumpAtLeast: UInt16 = 0x35
  private static let answer: UInt16 = 0x06
  private static let noSystemCall: UInt32 = 38

  init(_ profile: LinuxSeccomp, _ standard: UInt32, _ architecture: SeccompCompiler.Architecture) throws(BerthError) {
    // A profile that lists what is denied lets newer calls through.
    let deniesByDefault = standard != SeccompAction.allow && standard != 0x7ffc_0000
    guard deniesByDefault else { return }
    var newest: UInt32 = 0
    var allowed: Set<UInt32> = []
    for (at, rule) in profile.syscalls.enumerated() {
      let action = try SeccompAction.value(rule.action, rule.errno, "syscalls[\(at)].action")
      for name in rule.names {
        guard let number = SyscallNumbers.number(name, architecture) else { continue }
        newest = max(newest, number)
        if !SyscallNumbers.isKnown(name), action == SeccompAction.allow, rule.args.isEmpty { allowed.insert(number) }
      }
    }
    build(newest, allowed.sorted(), architecture)
  }

  private mutating func build(_ newest: UInt32, _ allowed: [UInt32], _ architecture: SeccompCompiler.Architecture) {
    // struct seccomp_data: number at 0, architecture at 4.
    add(Self.load, 4)
    add(Self.jumpEqual, architecture.token, yes: 1)
    add(Self.answer, SeccompAction.killProcess)
    add(Self.load, 0)
    let body = allowed.count * 2 + 2
    // -1 stands for a call that a tracer has cancelled: the rest decides.
    let toX32 = architecture == .x86_64 ? 2 : 0
    add(Self.jumpEqual, .max, yes: UInt8(clamping: toX32 + body))
    if architecture == .x86_64 {
      // The x32 calls have this bit.
      add(Self.jumpAtLeast, 0x4000_0000, no: 1)
      add(Self.answer, SeccompAction.killProcess)
    }
    for number in allowed {
      add(Self.jumpEqual, number, no: 1)
      add(Self.answer, SeccompAction.allow)
    }
    add(Self.jumpGreater, newest, no: 1)
    add(Self.answer, SeccompAction.fail(Self.noSystemCall))
  }

  /// struct sock_filter: code, where to jump if so and if not, operand.
  private mutating func add(_ code: UInt16, _ operand: UInt32, yes: UInt8 = 0, no: UInt8 = 0) {
    instructions.append(UInt64(code) | UInt64(yes) << 16 | UInt64(no) << 24 | UInt64(operand) << 32)
  }

  var bytes: [UInt8] { instructions.flatMap { word in withUnsafeBytes(of: word) { Array($0) } } }
}
