import BerthCore
import BerthLinux
import BerthOCI

/// The devices controller of cgroup v2: a BPF program that the kernel asks at every open and mknod of a device node. Returning 1 allows.
/// Source: bpf(2), `struct bpf_cgroup_dev_ctx`: access_type (access << 16 | type), major, minor.
enum DeviceFilter {
  /// One eBPF instruction in the kernel's layout: opcode, registers, offset, immediate.
  static func instruction(_ opcode: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0, _ immediate: Int32 = 0) -> UInt64 {
    let registers = UInt64(source << 4 | destination)
    return UInt64(opcode) | registers << 8 | UInt64(UInt16(bitPattern: offset)) << 16 | UInt64(UInt32(bitPattern: immediate)) << 32
  }

  private static let load: UInt8 = 0x61, and: UInt8 = 0x54, shift: UInt8 = 0x74, copy: UInt8 = 0xbc, set: UInt8 = 0xb4
  private static let jumpNotEqual: UInt8 = 0x56, jumpNotEqualRegister: UInt8 = 0x5e, exit: UInt8 = 0x95

  /// The rules as a program: the last rule that matches decides, and none matching denies.
  static func program(_ rules: [RuntimeSpec.DeviceRule]) -> [UInt64] {
    var code = [
      instruction(load, destination: 2, source: 1, offset: 0),  // r2: access and type
      instruction(copy, destination: 3, source: 2),
      instruction(and, destination: 2, 0xffff),  // r2: type
      instruction(shift, destination: 3, 16),  // r3: access
      instruction(load, destination: 4, source: 1, offset: 4),  // r4: major
      instruction(load, destination: 5, source: 1, offset: 8),  // r5: minor
    ]
    for rule in rules.reversed() {
      code += block(rule)
      // Nothing after a rule that matches everything can be reached, and the kernel refuses such code.
      if rule.type == .all, rule.major == nil, rule.minor == nil, bits(rule) == 7 { return code }
    }
    return code + [instruction(set, destination: 0, 0), instruction(exit)]
  }

  /// BPF_DEVCG_ACC_*: mknod 1, read 2, write 4.
  private static func bits(_ rule: RuntimeSpec.DeviceRule) -> Int32 {
    (rule.access.contains("m") ? 1 : 0) | (rule.access.contains("r") ? 2 : 0) | (rule.access.contains("w") ? 4 : 0)
  }

  private static func block(_ rule: RuntimeSpec.DeviceRule) -> [UInt64] {
    // Jumps lead behind the block: over the rest of the tests and the two instructions of the answer.
    var tests: [(Int16) -> [UInt64]] = []
    if rule.type != .all {
      tests.append { [instruction(jumpNotEqual, destination: 2, offset: $0, rule.type == .block ? 1 : 2)] }
    }
    let access = bits(rule)
    if access != 7 {
      // Allowing needs all of what is asked in the rule, denying any of it.
      if rule.allow {
        tests.append {
          [
            instruction(copy, destination: 1, source: 3), instruction(and, destination: 1, access),
            instruction(jumpNotEqualRegister, destination: 1, source: 3, offset: $0),
          ]
        }
      } else {
        tests.append {
          [
            instruction(copy, destination: 1, source: 3), instruction(and, destination: 1, access),
            instruction(0x16, destination: 1, offset: $0, 0),
          ]
        }
      }
    }
    if let major = rule.major { tests.append { [instruction(jumpNotEqual, destination: 4, offset: $0, Int32(bitPattern: major))] } }
    if let minor = rule.minor { tests.append { [instruction(jumpNotEqual, destination: 5, offset: $0, Int32(bitPattern: minor))] } }
    var rest = [instruction(set, destination: 0, rule.allow ? 1 : 0), instruction(exit)]
    for test in tests.reversed() { rest = test(Int16(truncatingIfNeeded: rest.count)) + rest }
    return rest
  }

  static func attach(_ rules: [RuntimeSpec.DeviceRule], to group: Cgroup) throws(BerthError) {
    guard rules.count <= 500, let directory = group.directories.first else {
      throw BerthError(.invalidArgument, "limit cgroup", "linux.resources.devices", cause: "more than 500 rules")
    }
    do throws(Errno) {
      let program = try DeviceProgram.load(program(rules))
      let cgroup = try Files.openDirectory(directory)
      try DeviceProgram.attach(program, to: cgroup)
    } catch { throw group.failure("limit cgroup", error, "devices") }
  }
}
