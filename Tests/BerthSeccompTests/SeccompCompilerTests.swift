import BerthCore
import BerthOCI
import BerthSeccomp
import Testing

/// Runs filter programs as the kernel does. Source: the kernel's Documentation/networking/filter.rst.
private struct FilterMachine {
  var program: [UInt8]

  /// The answer to system call `number` with `arguments`.
  func answer(_ number: UInt32, _ arguments: [UInt64] = [], architecture: UInt32 = 0xc000_003e) -> UInt32? {
    var words = [number, architecture, 0, 0]
    for at in 0..<6 {
      let value = at < arguments.count ? arguments[at] : 0
      words += [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
    }
    var accumulator: UInt32 = 0
    var at = 0
    while at * 8 + 8 <= program.count {
      let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(program[at * 8 + $1]) << UInt64($1 * 8) }
      let (code, yes, no, operand) = (UInt16(truncatingIfNeeded: word), Int(word >> 16 & 0xff), Int(word >> 24 & 0xff), UInt32(word >> 32))
      at += 1
      switch code {
      case 0x20: accumulator = words[Int(operand / 4)]
      case 0x54: accumulator &= operand
      case 0x15: at += accumulator == operand ? yes : no
      case 0x25: at += accumulator > operand ? yes : no
      case 0x35: at += accumulator >= operand ? yes : no
      case 0x05: at += Int(operand)
      case 0x06: return operand
      default: return nil
      }
    }
    return nil
  }
}

struct SeccompCompilerTests {
  private static let allow: UInt32 = 0x7fff_0000
  private static let refused: UInt32 = 0x0005_0001
  private static let missing: UInt32 = 0x0005_0026
  private static let kill: UInt32 = 0x8000_0000
  private static let capabilities = ["CAP_CHOWN", "CAP_SYS_CHROOT"]

  private func machine(_ capabilities: [String] = Self.capabilities, _ architecture: SeccompCompiler.Architecture = .x86_64) throws
    -> FilterMachine
  {
    let profile = SeccompProfile.standard.resolved(
      capabilities: capabilities, kernel: KernelVersion(major: 6, minor: 1), architecture: architecture)
    return FilterMachine(program: try SeccompCompiler.compile(profile, for: architecture))
  }

  @Test("common calls are let through, administration is not")
  func common() throws {
    let filter = try machine()
    for number: UInt32 in [0, 1, 2, 59, 60, 257, 262, 161, 435 - 1, 101] { #expect(filter.answer(number) == Self.allow, "\(number)") }
    // mount, unshare, setns, bpf, keyctl, add_key, io_uring_setup, userfaultfd, kexec_load, open_by_handle_at, init_module
    for number: UInt32 in [165, 272, 308, 321, 250, 248, 425, 323, 246, 304, 175] {
      #expect(filter.answer(number) == Self.refused, "\(number)")
    }
    #expect(try machine(["CAP_SYS_ADMIN"]).answer(165) == Self.allow)
    #expect(try machine([]).answer(161) == Self.refused)
  }

  @Test("clone makes no namespaces, clone3 isn't there")
  func clone() throws {
    let filter = try machine()
    #expect(filter.answer(56, [0x11]) == Self.allow)
    for flag: UInt64 in [0x20000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
      #expect(filter.answer(56, [flag | 0x11]) == Self.refused)
    }
    #expect(filter.answer(435) == Self.missing)
    #expect(try machine(["CAP_SYS_ADMIN"]).answer(435) == Self.allow)
  }

  @Test("sockets of every family but AF_ALG and AF_VSOCK")
  func sockets() throws {
    let filter = try machine()
    for family: UInt64 in 0..<50 {
      #expect(filter.answer(41, [family]) == (family == 38 || family == 40 ? Self.refused : Self.allow), "\(family)")
    }
  }

  @Test("A30: nothing is pushed into a terminal, whatever the upper half of the argument says; every other ioctl is let through")
  func terminals() throws {
    let filter = try machine()
    for upper: UInt64 in [0, 1 << 32, 0xffff_ffff << 32] {
      #expect(filter.answer(16, [0, upper | 0x5412]) == Self.refused && filter.answer(16, [0, upper | 0x541c]) == Self.refused)
      for request: UInt64 in [0, 0x5401, 0x5411, 0x5413, 0x541b, 0x541d, 0xffff_ffff] {
        #expect(filter.answer(16, [0, upper | request]) == Self.allow, "\(request)")
      }
    }
    #expect(filter.answer(16, [0x5412, 0x5413, 0x5412]) == Self.allow)
    // ioctl is 29.
    let other = try machine(Self.capabilities, .aarch64)
    #expect(other.answer(29, [0, 0x5412], architecture: 0xc000_00b7) == Self.refused)
    #expect(other.answer(29, [0, 0x5401], architecture: 0xc000_00b7) == Self.allow)
  }

  @Test("five values of personality")
  func personality() throws {
    let filter = try machine()
    for value: UInt64 in [0, 8, 0x20000, 0x20008, 0xffff_ffff] { #expect(filter.answer(135, [value]) == Self.allow) }
    #expect(filter.answer(135, [0x40000]) == Self.refused)
  }

  @Test("calls that libseccomp doesn't know are allowed by number, newer ones don't exist")
  func newer() throws {
    let filter = try machine()
    for number: UInt32 in [451, 452, 453, 454, 456, 457, 462, 463, 466, 335] { #expect(filter.answer(number) == Self.allow, "\(number)") }
    for number: UInt32 in [467, 469, 500, 10_000] { #expect(filter.answer(number) == Self.missing, "\(number)") }
    // Cancelled by a tracer.
    #expect(filter.answer(.max) == Self.refused)
  }

  @Test("calls of 32-bit and x32 programs kill")
  func foreign() throws {
    let filter = try machine()
    #expect(filter.answer(1, architecture: 0x4000_0003) == Self.kill)
    #expect(filter.answer(0x4000_0001) == Self.kill)
  }

  @Test("calls of an architecture that the profile lists follow its rules by their own numbers, newer ones don't exist")
  func listed() throws {
    var profile = LinuxSeccomp(defaultAction: "SCMP_ACT_ERRNO", defaultErrno: 1)
    profile.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    profile.syscalls = [.init(["write", "exit", "cachestat"]), .init(["mkdir"], action: "SCMP_ACT_ERRNO", errno: 7)]
    let filter = FilterMachine(program: try SeccompCompiler.compile(profile, for: .x86_64))
    let i386: UInt32 = 0x4000_0003, x32: UInt32 = 0x4000_0000
    // write is 1 and 4, mkdir 83 and 39, exit 60 and 1.
    #expect(filter.answer(1) == Self.allow && filter.answer(60) == Self.allow && filter.answer(83) == 0x0005_0007)
    #expect(filter.answer(4, architecture: i386) == Self.allow && filter.answer(1, architecture: i386) == Self.allow)
    #expect(filter.answer(39, architecture: i386) == 0x0005_0007 && filter.answer(2, architecture: i386) == Self.refused)
    #expect(filter.answer(x32 | 1) == Self.allow && filter.answer(x32 | 2) == Self.refused && filter.answer(x32 | 460) == Self.missing)
    #expect(filter.answer(460) == Self.missing && filter.answer(460, architecture: i386) == Self.missing)
    #expect(filter.answer(1, architecture: 0xc000_00b7) == Self.kill)
    #expect(filter.answer(.max) != nil)
  }

  @Test("every action has the kernel's value, with its number where it takes one")
  func actions() throws {
    for (action, errno, answer) in [
      ("SCMP_ACT_ERRNO", 13, 0x0005_000d), ("SCMP_ACT_TRACE", 9, 0x7ff0_0009), ("SCMP_ACT_NOTIFY", nil, 0x7fc0_0000),
      ("SCMP_ACT_TRAP", nil, 0x0003_0000), ("SCMP_ACT_LOG", nil, 0x7ffc_0000), ("SCMP_ACT_KILL", nil, 0),
      ("SCMP_ACT_KILL_THREAD", nil, 0), ("SCMP_ACT_KILL_PROCESS", nil, 0x8000_0000),
    ] as [(String, UInt32?, UInt32)] {
      var profile = LinuxSeccomp(defaultAction: "SCMP_ACT_ALLOW")
      profile.syscalls = [.init(["mkdir"], action: action, errno: errno)]
      let filter = FilterMachine(program: try SeccompCompiler.compile(profile, for: .x86_64))
      #expect(filter.answer(83) == answer && filter.answer(1) == Self.allow, "\(action)")
    }
  }

  @Test("a filter for aarch64 has its numbers")
  func otherArchitecture() throws {
    let filter = try machine(Self.capabilities, .aarch64)
    // openat 56, mount 40, clone 220, write 64; cachestat is 451 everywhere.
    for number: UInt32 in [56, 64, 451] { #expect(filter.answer(number, architecture: 0xc000_00b7) == Self.allow, "\(number)") }
    #expect(filter.answer(40, architecture: 0xc000_00b7) == Self.refused)
    #expect(filter.answer(220, [0x2000_0011], architecture: 0xc000_00b7) == Self.refused)
    #expect(filter.answer(64) == Self.kill)
  }

  @Test("Docker's JSON gives the same rules as the table")
  func json() throws {
    let text = """
      {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "archMap": [], "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
      """
    let profile = try SeccompProfile(parsing: Array(text.utf8))
    let names = { (caps: [String], kernel: KernelVersion) in
      profile.resolved(capabilities: caps, kernel: kernel, architecture: .x86_64).syscalls.flatMap(\.names)
    }
    #expect(names([], KernelVersion(major: 4, minor: 7)) == ["read", "clone3", "socket"])
    #expect(names(["CAP_SYS_ADMIN"], KernelVersion(major: 6, minor: 1)) == ["read", "mount", "ptrace", "socket"])
    let filter = FilterMachine(
      program: try SeccompCompiler.compile(
        profile.resolved(capabilities: [], kernel: KernelVersion(major: 6, minor: 1), architecture: .x86_64), for: .x86_64))
    #expect(filter.answer(41, [1]) == Self.allow && filter.answer(41, [2]) == Self.refused)
  }

  @Test("a profile that can't be compiled says where")
  func errors() {
    for (text, path) in [
      ("[]", "defaultAction"), ("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":{}}", "syscalls"),
      ("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[1],\"action\":\"x\"}]}", "syscalls[0].names"),
      ("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"]}]}", "syscalls[0].action"),
      ("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"nmaes\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"}]}", "syscalls[0].names"),
    ] {
      #expect { try SeccompProfile(parsing: Array(text.utf8)) } throws: { ($0 as? BerthError)?.subject == path }
    }
    #expect { try SeccompCompiler.compile(LinuxSeccomp(defaultAction: "SCMP_ACT_NOTIFY")) } throws: {
      ($0 as? BerthError)?.subject == "defaultAction"
    }
    var profile = LinuxSeccomp(defaultAction: "SCMP_ACT_ERRNO")
    profile.architectures = ["SCMP_ARCH_VAX"]
    #expect { try SeccompCompiler.compile(profile) } throws: { ($0 as? BerthError)?.subject == "architectures[0]" }
    profile.architectures = []
    profile.syscalls = [.init(["read"], action: "SCMP_ACT_WHAT")]
    #expect { try SeccompCompiler.compile(profile) } throws: { ($0 as? BerthError)?.subject == "syscalls[0].action" }
  }

  @Test("cache keys tell profiles and architectures apart, and are stable")
  func keys() {
    let a = LinuxSeccomp(defaultAction: "SCMP_ACT_ERRNO", defaultErrno: 1)
    let b = LinuxSeccomp(defaultAction: "SCMP_ACT_ERRNO", defaultErrno: 2)
    #expect(SeccompCompiler.cacheKey(a, for: .x86_64) == SeccompCompiler.cacheKey(a, for: .x86_64))
    #expect(
      Set([
        SeccompCompiler.cacheKey(a, for: .x86_64), SeccompCompiler.cacheKey(b, for: .x86_64), SeccompCompiler.cacheKey(a, for: .aarch64),
      ]).count == 3)
  }
}
