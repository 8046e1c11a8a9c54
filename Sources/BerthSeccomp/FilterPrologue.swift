import BerthCore
import BerthOCI

/// What stands before libseccomp's program: calls that libseccomp doesn't know yet are allowed by their number, and those newer than the
/// profile fail with ENOSYS, so that libraries fall back to older ones. For each architecture of the profile apart. On the native one
/// also the exceptions to a call that is allowed, which libseccomp would leave out: one value of the lower half of an argument.
struct FilterPrologue {
  private var instructions: [UInt64] = []

  private static let load: UInt16 = 0x20, jumpEqual: UInt16 = 0x15, jumpGreater: UInt16 = 0x25, jumpAtLeast: UInt16 = 0x35
  private static let jump: UInt16 = 0x05, answer: UInt16 = 0x06
  private static let noSystemCall: UInt32 = 38
  /// The x32 calls have this bit, and x86_64's token.
  private static let x32Bit: UInt32 = 0x4000_0000

  /// What a profile says of one architecture's numbers.
  private struct Numbers {
    var newest: UInt32 = 0
    /// Those that libseccomp can't be told of.
    var allowed: Set<UInt32> = []
  }

  private struct Exception {
    var number: UInt32
    /// Where the argument's lower half stands in struct seccomp_data.
    var place: UInt32
    var value: UInt32
    var answer: UInt32
  }
  private var exceptions: [Exception] = []
  /// Calls that are allowed whatever their arguments are.
  private let freelyAllowed: Set<String>

  /// Whether a rule is said here and is none for libseccomp.
  func takes(_ rule: LinuxSeccomp.Rule) -> Bool {
    guard rule.action != "SCMP_ACT_ALLOW", rule.args.count == 1, let argument = rule.args.first, argument.op == "SCMP_CMP_MASKED_EQ",
      argument.value == 0xffff_ffff, argument.index < 6
    else { return false }
    return !rule.names.isEmpty && rule.names.allSatisfy(freelyAllowed.contains)
  }

  init(_ profile: LinuxSeccomp, _ standard: UInt32, _ native: SeccompCompiler.Architecture, foreign: [UInt32]) throws(BerthError) {
    // A profile that lists what is denied lets newer calls through.
    let deniesByDefault = standard != SeccompAction.allow && standard != SeccompAction.log
    freelyAllowed =
      deniesByDefault && foreign.isEmpty
      ? Set(profile.syscalls.filter { $0.action == "SCMP_ACT_ALLOW" && $0.args.isEmpty }.flatMap(\.names)) : []
    guard deniesByDefault else { return }
    for rule in profile.syscalls where takes(rule) { try except(rule, native) }
    let numbers = try Self.numbers(profile, native.token)
    let x32 = foreign.contains(SyscallNumbers.x32) ? try Self.numbers(profile, SyscallNumbers.x32).newest | Self.x32Bit : nil
    var own = FilterPrologue()
    own.exceptions = exceptions
    own.build(numbers, x32, native)
    var others: [(token: UInt32, newest: UInt32)] = []
    for token in foreign where token != SyscallNumbers.x32 { others.append((token, try Self.numbers(profile, token).newest)) }
    // struct seccomp_data: number at 0, architecture at 4.
    add(Self.load, 4)
    for (at, other) in others.enumerated() {
      let rest = (others.count - 1 - at) * 5 + own.instructions.count
      add(Self.jumpEqual, other.token, no: 4)
      add(Self.load, 0)
      add(Self.jumpGreater, other.newest, no: 1)
      add(Self.answer, SeccompAction.fail(Self.noSystemCall))
      add(Self.jump, UInt32(rest))
    }
    instructions += own.instructions
  }

  private init() { freelyAllowed = [] }

  private mutating func except(_ rule: LinuxSeccomp.Rule, _ native: SeccompCompiler.Architecture) throws(BerthError) {
    let action = try SeccompAction.value(rule.action, rule.errno, "syscalls.action")
    for argument in rule.args {
      for number in rule.names.compactMap({ SyscallNumbers.number($0, native.token) }) {
        exceptions.append(
          Exception(
            number: number, place: 16 + 8 * argument.index, value: UInt32(truncatingIfNeeded: argument.valueTwo), answer: action))
      }
    }
  }

  private static func numbers(_ profile: LinuxSeccomp, _ token: UInt32) throws(BerthError) -> Numbers {
    var numbers = Numbers()
    for (at, rule) in profile.syscalls.enumerated() {
      let action = try SeccompAction.value(rule.action, rule.errno, "syscalls[\(at)].action")
      for name in rule.names {
        guard let number = SyscallNumbers.number(name, token) else { continue }
        numbers.newest = max(numbers.newest, number)
        if !SyscallNumbers.isKnown(name), action == SeccompAction.allow, rule.args.isEmpty { numbers.allowed.insert(number) }
      }
    }
    return numbers
  }

  /// The architecture is loaded. `x32`: the newest of its calls, nil where they kill.
  private mutating func build(_ numbers: Numbers, _ x32: UInt32?, _ architecture: SeccompCompiler.Architecture) {
    add(Self.jumpEqual, architecture.token, yes: 1)
    add(Self.answer, SeccompAction.killProcess)
    add(Self.load, 0)
    let allowed = numbers.allowed.sorted()
    let body = allowed.count * 2 + exceptions.count * 5 + 2
    let toX32 = architecture == .x86_64 ? (x32 == nil ? 2 : 4) : 0
    // -1 stands for a call that a tracer has cancelled: the rest decides.
    add(Self.jumpEqual, .max, yes: UInt8(clamping: toX32 + body))
    if architecture == .x86_64 {
      if let x32 {
        add(Self.jumpAtLeast, Self.x32Bit, no: 3)
        add(Self.jumpGreater, x32, no: 1)
        add(Self.answer, SeccompAction.fail(Self.noSystemCall))
        add(Self.jump, UInt32(body))
      } else {
        add(Self.jumpAtLeast, Self.x32Bit, no: 1)
        add(Self.answer, SeccompAction.killProcess)
      }
    }
    for exception in exceptions {
      add(Self.jumpEqual, exception.number, no: 4)
      add(Self.load, exception.place)
      add(Self.jumpEqual, exception.value, no: 1)
      add(Self.answer, exception.answer)
      add(Self.load, 0)
    }
    for number in allowed {
      add(Self.jumpEqual, number, no: 1)
      add(Self.answer, SeccompAction.allow)
    }
    add(Self.jumpGreater, numbers.newest, no: 1)
    add(Self.answer, SeccompAction.fail(Self.noSystemCall))
  }

  /// struct sock_filter: code, where to jump if so and if not, operand.
  private mutating func add(_ code: UInt16, _ operand: UInt32, yes: UInt8 = 0, no: UInt8 = 0) {
    instructions.append(UInt64(code) | UInt64(yes) << 16 | UInt64(no) << 24 | UInt64(operand) << 32)
  }

  var bytes: [UInt8] { instructions.flatMap { word in withUnsafeBytes(of: word) { Array($0) } } }
}
