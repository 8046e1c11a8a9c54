import BerthCore
import CBerthInit

/// An init plan laid out in one block of memory, as the interpreter reads it. Offsets, no pointers; see `berth_init.h`.
struct PlanArena {
  /// Words, so that the block is aligned for everything in it.
  private(set) var words: [UInt64] = []
  var byteCount: Int { words.count * 8 }

  private var steps: [berth_step] = []
  private var data: [UInt8] = []
  private let dataStart: Int

  /// Throws `.invalidArgument` for a plan larger than the interpreter takes (16 MiB).
  init(_ plan: InitPlan) throws(BerthError) {
    dataStart = MemoryLayout<berth_plan_header>.size + plan.steps.count * MemoryLayout<berth_step>.size
    // Offset of the empty text, which absent texts point to.
    data.append(0)
    for step in plan.steps { steps.append(encode(step.what)) }
    align()
    guard dataStart + data.count <= Int(BERTH_PLAN_MAX_SIZE), plan.steps.count <= Int(BERTH_PLAN_MAX_STEPS) else {
      throw BerthError(.invalidArgument, "plan", "process", cause: "arguments, environment and mounts are larger than 16 MiB")
    }
    copyToWords()
  }

  private mutating func copyToWords() {
    words = [UInt64](repeating: 0, count: (dataStart + data.count) / 8)
    var header = berth_plan_header()
    header.magic = UInt32(BERTH_PLAN_MAGIC)
    header.version = UInt32(BERTH_PLAN_VERSION)
    header.size = UInt32(byteCount)
    header.step_count = UInt32(steps.count)
    words.withUnsafeMutableBytes { block in
      withUnsafeBytes(of: header) { block.copyMemory(from: $0) }
      steps.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: block[MemoryLayout<berth_plan_header>.size...]).copyMemory(from: $0) }
      data.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: block[dataStart...]).copyMemory(from: $0) }
    }
  }

  /// Calls `body` with the block, valid and writable during the call.
  mutating func withBlock<Result>(_ body: (UnsafeMutableRawPointer, Int) -> Result) -> Result? {
    words.withUnsafeMutableBytes { block in block.baseAddress.map { body($0, block.count) } }
  }

  private mutating func align() { while (dataStart + data.count) % 8 != 0 { data.append(0) } }

  private mutating func text(_ text: String) -> UInt32 {
    let offset = UInt32(truncatingIfNeeded: dataStart + data.count)
    data += text.utf8
    data.append(0)
    return offset
  }

  private mutating func texts(_ texts: [String]) -> UInt32 {
    let offset = UInt32(truncatingIfNeeded: dataStart + data.count)
    for text in texts { _ = self.text(text) }
    return offset
  }

  private mutating func block(_ bytes: [UInt8]) -> UInt32 {
    align()
    let offset = UInt32(truncatingIfNeeded: dataStart + data.count)
    data += bytes
    return offset
  }

  private mutating func encode(_ what: InitStep) -> berth_step {
    var step = berth_step()
    step.text = UInt32(truncatingIfNeeded: dataStart)
    step.other = step.text
    if !encodeMountStep(what, &step) { encodeProcessStep(what, &step) }
    return step
  }

  private mutating func encodeMountStep(_ what: InitStep, _ step: inout berth_step) -> Bool {
    switch what {
    case .rootHere: set(&step, BERTH_OP_ROOT_HERE, a: .root)
    case .propagation(let path, let flags): set(&step, BERTH_OP_PROPAGATION, path, x: flags)
    case .descriptor(let slot, let number): set(&step, BERTH_OP_DESCRIPTOR, a: slot, x: UInt64(UInt32(bitPattern: number)))
    case .openContext(let type): set(&step, BERTH_OP_FS_OPEN, type, a: .context)
    case .setParameter(let key, let value): set(&step, BERTH_OP_FS_SET, key, value, a: .context)
    case .setFlag(let key): set(&step, BERTH_OP_FS_FLAG, key, a: .context)
    case .makeMount(let slot, let attributes): set(&step, BERTH_OP_FS_MOUNT, a: .context, b: slot, x: attributes.rawValue)
    case .copyTree(let path, let below, let recursive):
      set(&step, BERTH_OP_TREE, path, below, b: .mount, flags: recursive ? UInt32(BERTH_RECURSIVE) : 0)
    case .changeMount(let slot, let attributes, let clear, let propagation, let recursive):
      set(
        &step, BERTH_OP_ATTRIBUTES, a: slot, x: attributes.rawValue, y: clear.rawValue, z: propagation,
        flags: recursive ? UInt32(BERTH_RECURSIVE) : 0)
    case .attachRoot(let path): set(&step, BERTH_OP_ROOT, path, a: .root)
    case .directory(let path, let flags): set(&step, BERTH_OP_DIRECTORY, path, a: .root, b: .target, x: 0o755, flags: flags.rawValue)
    case .mountTarget(let path, let flags):
      set(&step, BERTH_OP_TARGET, path, a: .root, b: .target, x: UInt64(InitSlot.mount.rawValue), flags: flags.rawValue)
    case .copyUp(let keepsMode, let keepsOwner):
      set(
        &step, BERTH_OP_COPY_UP, a: .mount, b: .target,
        flags: (keepsMode ? UInt32(BERTH_KEEP_MODE) : 0) | (keepsOwner ? UInt32(BERTH_KEEP_OWNER) : 0))
    case .attach: set(&step, BERTH_OP_ATTACH, a: .mount, b: .target)
    case .node(let path, let node):
      set(&step, BERTH_OP_NODE, path, a: .root, x: UInt64(node.mode), y: node.number, z: UInt64(node.uid) << 32 | UInt64(node.gid))
    case .link(let path, let target): set(&step, BERTH_OP_LINK, path, target, a: .root)
    case .nullDevice(let path): set(&step, BERTH_OP_NULL_DEVICE, path, b: .nullDevice)
    case .mask(let path): set(&step, BERTH_OP_MASK, path, a: .root, b: .nullDevice, x: UInt64(InitSlot.empty.rawValue))
    case .readOnly(let path): set(&step, BERTH_OP_READ_ONLY, path, a: .root)
    case .pivot: set(&step, BERTH_OP_PIVOT, a: .root)
    default: return false
    }
    return true
  }

  private mutating func encodeProcessStep(_ what: InitStep, _ step: inout berth_step) {
    switch what {
    case .console(let socket, let uid, let size, let attached):
      set(
        &step, BERTH_OP_CONSOLE, "/dev/console", a: .root, x: UInt64(UInt32(bitPattern: socket)), y: UInt64(uid),
        z: size.map { UInt64($0.height) << 32 | UInt64($0.width) } ?? 0, flags: attached ? UInt32(BERTH_CREATE) : 0)
    case .find(_, let candidates):
      set(&step, BERTH_OP_FIND, x: UInt64(candidates.count))
      step.text = texts(candidates)
    case .gate(let point, let listener):
      set(&step, BERTH_OP_GATE, x: UInt64(point), y: UInt64(UInt32(bitPattern: listener)))
    case .standardStreams(let stdin, let stdout, let stderr):
      set(
        &step, BERTH_OP_STDIO, x: UInt64(UInt32(bitPattern: stdin)), y: UInt64(UInt32(bitPattern: stdout)),
        z: UInt64(UInt32(bitPattern: stderr)))
    case .defaultSignals: set(&step, BERTH_OP_SIGNALS)
    case .newSession: set(&step, BERTH_OP_SESSION)
    case .guardProcess: set(&step, BERTH_OP_GUARD)
    case .closeOnExec(let from): set(&step, BERTH_OP_CLOSE_ON_EXEC, x: UInt64(UInt32(bitPattern: from)))
    case .joinMember(let descriptor, let kinds): set(&step, BERTH_OP_SETNS, x: kinds, y: UInt64(UInt32(bitPattern: descriptor)))
    case .joinCgroup(let join): set(&step, BERTH_OP_JOIN_CGROUP, join.path, x: UInt64(UInt32(bitPattern: join.hierarchy)))
    case .joinNamespace(let kind, let descriptor):
      set(&step, BERTH_OP_SETNS, x: kind.cloneFlag, y: UInt64(UInt32(bitPattern: descriptor)))
    case .hostname(let name): set(&step, BERTH_OP_HOSTNAME, name)
    case .domainname(let name): set(&step, BERTH_OP_DOMAINNAME, name)
    case .sysctl(let path, let value): set(&step, BERTH_OP_SYSCTL, path, value, a: .proc)
    case .synchronise(let point): set(&step, BERTH_OP_SYNC, x: UInt64(point))
    case .tell(let point): set(&step, BERTH_OP_TELL, x: UInt64(point))
    case .awaitWord: set(&step, BERTH_OP_WAIT)
    case .unshare(let kind): set(&step, BERTH_OP_UNSHARE, x: kind.cloneFlag)
    case .keyring(let name): set(&step, BERTH_OP_KEYRING, name)
    case .rlimit(let resource, let soft, let hard): set(&step, BERTH_OP_RLIMIT, x: UInt64(UInt32(bitPattern: resource)), y: soft, z: hard)
    case .oomScore(let score): set(&step, BERTH_OP_OOM_SCORE, String(score), a: .proc)
    case .label(let file, let label): set(&step, BERTH_OP_LABEL, file, label, a: .proc)
    case .scheduler, .ioPriority, .affinity, .memoryPolicy, .personality: encodeScheduling(what, &step)
    case .umask(let bits): set(&step, BERTH_OP_UMASK, x: UInt64(bits))
    case .boundingSet(let caps): set(&step, BERTH_OP_BOUNDING, x: caps.rawValue)
    case .user(let uid, let gid, let groups): encodeUser(uid, gid, groups, &step)
    case .capabilities(let effective, let permitted, let inheritable):
      set(&step, BERTH_OP_CAPABILITIES, x: effective.rawValue, y: permitted.rawValue, z: inheritable.rawValue)
    case .ambientSet(let caps): set(&step, BERTH_OP_AMBIENT, x: caps.rawValue)
    case .noNewPrivileges: set(&step, BERTH_OP_NO_NEW_PRIVS)
    case .seccomp(let filter, let flags):
      set(&step, BERTH_OP_SECCOMP, x: UInt64(flags), y: UInt64(filter.count))
      step.other = block(filter)
    case .seccompListening(let filter, let flags, let listener):
      set(
        &step, BERTH_OP_SECCOMP_LISTEN, listener.message, x: UInt64(flags), y: UInt64(filter.count),
        z: UInt64(UInt32(bitPattern: listener.socket)))
      step.other = block(filter)
    case .announce: set(&step, BERTH_OP_ANNOUNCE)
    case .split(let program, let only, let terminal):
      let flags = (only ? UInt32(BERTH_ONLY) : 0) | (terminal ? UInt32(BERTH_TERMINAL) : 0)
      set(&step, BERTH_OP_SPLIT, x: UInt64(UInt32(bitPattern: program)), flags: flags)
    case .changeDirectory(let path, let mayWait):
      set(&step, BERTH_OP_CHDIR, path, a: .root, flags: mayWait ? UInt32(BERTH_TRY) : 0)
    case .ownStreams(let uid): set(&step, BERTH_OP_OWN_STDIO, x: UInt64(uid))
    case .execute(let candidates, let arguments, let environment): encodeExec(candidates, arguments, environment, &step)
    default: step.op = 0  // A mount step: encoded before.
    }
  }

  private mutating func encodeScheduling(_ what: InitStep, _ step: inout berth_step) {
    switch what {
    case .scheduler(let attributes):
      set(&step, BERTH_OP_SCHEDULER)
      step.other = block(attributes.bytes)
    case .ioPriority(let value): set(&step, BERTH_OP_IO_PRIORITY, x: value)
    case .affinity(let mask):
      set(&step, BERTH_OP_AFFINITY, y: UInt64(mask.count))
      step.other = block(mask)
    case .memoryPolicy(let mode, let nodes):
      set(&step, BERTH_OP_MEMORY_POLICY, x: mode, y: UInt64(nodes.count))
      step.other = block(nodes)
    case .personality(let domain): set(&step, BERTH_OP_PERSONALITY, x: domain)
    default: step.op = 0  // Encoded by the caller.
    }
  }

  private mutating func encodeUser(_ uid: UInt32, _ gid: UInt32, _ groups: [UInt32], _ step: inout berth_step) {
    set(&step, BERTH_OP_USER, x: UInt64(uid), y: UInt64(gid), z: UInt64(groups.count))
    step.other = block(groups.flatMap { group in withUnsafeBytes(of: group) { Array($0) } })
  }

  private mutating func encodeExec(_ candidates: [String], _ arguments: [String], _ environment: [String], _ step: inout berth_step) {
    set(
      &step, BERTH_OP_EXEC, x: UInt64(candidates.count), y: UInt64(arguments.count), z: UInt64(environment.count))
    step.text = texts(candidates)
    step.other = texts(arguments)
    step.b = Int32(truncatingIfNeeded: environment.isEmpty ? UInt32(dataStart) : texts(environment))
    step.a = Int32(truncatingIfNeeded: block([UInt8](repeating: 0, count: (arguments.count + environment.count + 2) * 8)))
  }

  private mutating func set(
    _ step: inout berth_step, _ op: berth_op, _ text: String? = nil, _ other: String? = nil, a: InitSlot? = nil, b: InitSlot? = nil,
    x: UInt64 = 0, y: UInt64 = 0, z: UInt64 = 0, flags: UInt32 = 0
  ) {
    step.op = op.rawValue
    step.flags = flags
    step.a = a?.rawValue ?? -1
    step.b = b?.rawValue ?? -1
    if let text { step.text = self.text(text) }
    if let other { step.other = self.text(other) }
    step.x = x
    step.y = y
    step.z = z
  }
}
