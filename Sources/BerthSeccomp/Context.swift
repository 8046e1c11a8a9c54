import BerthCore
import BerthLinux
import BerthOCI
import CSeccomp

/// A libseccomp filter under construction.
final class Context {
  private let filter: scmp_filter_ctx
  private let architecture: SeccompCompiler.Architecture

  /// `foreign`: further architectures whose calls the rules are for.
  init(_ standard: UInt32, _ architecture: SeccompCompiler.Architecture, foreign: [UInt32]) throws(BerthError) {
    guard let filter = seccomp_init(standard) else {
      throw SeccompCompiler.failure(.resourceExhausted, "", "libseccomp gave no filter")
    }
    self.filter = filter
    self.architecture = architecture
    try check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SeccompAction.killProcess), "architectures")
    if architecture != .native {
      try check(seccomp_arch_add(filter, architecture.token), "architectures")
      try check(seccomp_arch_remove(filter, SeccompCompiler.Architecture.native.token), "architectures")
    }
    for token in foreign { try check(seccomp_arch_add(filter, token), "architectures") }
  }

  deinit { seccomp_release(filter) }

  /// libseccomp returns negated error numbers.
  private func check(_ result: Int32, _ path: String) throws(BerthError) {
    if result < 0 { throw SeccompCompiler.failure(.invalidArgument, path, "libseccomp: \(Errno(-result))") }
  }

  func compiled(_ profile: LinuxSeccomp, _ standard: UInt32) throws(BerthError) -> [UInt8] {
    for (at, rule) in profile.syscalls.enumerated() { try add(rule, standard, "syscalls[\(at)]") }
    do throws(Errno) {
      let file = try MemoryFile("seccomp")
      let result = seccomp_export_bpf(filter, file.file.raw)
      if result < 0 { throw Errno(-result) }
      return try file.contents(limit: 1 << 20)
    } catch { throw SeccompCompiler.failure(.resourceExhausted, "", "export: \(error)") }
  }

  private func add(_ rule: LinuxSeccomp.Rule, _ standard: UInt32, _ path: String) throws(BerthError) {
    let action = try SeccompAction.value(rule.action, rule.errno, "\(path).action")
    // libseccomp refuses a rule that says what happens anyway.
    guard action != standard else { return }
    var comparisons: [scmp_arg_cmp] = []
    for (at, argument) in rule.args.enumerated() { comparisons.append(try comparison(argument, "\(path).args[\(at)]")) }
    // One argument can be compared once in a rule: several comparisons of it are several rules, as every runtime does it.
    let isRepeated = Set(rule.args.map(\.index)).count < rule.args.count
    let groups = isRepeated ? comparisons.map { [$0] } : [comparisons]
    for name in rule.names where SyscallNumbers.isKnown(name) {
      let number = seccomp_syscall_resolve_name(name)
      for group in groups {
        let result = seccomp_rule_add_array(filter, action, number, UInt32(group.count), group)
        // EEXIST: said before. EDOM: not on this architecture.
        if result != -17, result != -33 { try check(result, "\(path) \(name)") }
      }
    }
  }

  private static let operators: [String: scmp_compare] = [
    "SCMP_CMP_NE": SCMP_CMP_NE, "SCMP_CMP_LT": SCMP_CMP_LT, "SCMP_CMP_LE": SCMP_CMP_LE, "SCMP_CMP_EQ": SCMP_CMP_EQ,
    "SCMP_CMP_GE": SCMP_CMP_GE, "SCMP_CMP_GT": SCMP_CMP_GT, "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ,
  ]

  private func comparison(_ argument: LinuxSeccomp.Argument, _ path: String) throws(BerthError) -> scmp_arg_cmp {
    guard let op = Self.operators[argument.op], argument.index < 6 else {
      throw SeccompCompiler.failure(.invalidArgument, path, "unknown comparison \"\(argument.op)\"")
    }
    var comparison = scmp_arg_cmp()
    comparison.arg = argument.index
    comparison.op = op
    comparison.datum_a = argument.value
    comparison.datum_b = argument.valueTwo
    return comparison
  }
}
