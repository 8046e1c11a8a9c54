extension InitStep: CustomStringConvertible {
  public var description: String {
    switch self {
    case .rootHere: "root = here"
    case .console(let socket, let uid, _, let attached): "terminal of \(uid) over \(socket)\(attached ? ", /dev/console" : "")"
    case .find(_, let candidates): "find \(candidates)"
    case .gate(let point, let listener): "tell \(point), wait at \(listener)"
    case .standardStreams(let stdin, let stdout, let stderr): "streams \(stdin) \(stdout) \(stderr)"
    case .defaultSignals: "default signals"
    case .newSession: "new session"
    case .guardProcess: "die with parent, no dumps"
    case .closeOnExec(let from): "close on exec from \(from)"
    case .joinMember(let descriptor, let kinds): "join 0x\(String(kinds, radix: 16)) of \(descriptor)"
    case .joinCgroup(let join): "join \(join.path) of \(join.hierarchy)"
    case .joinNamespace(let kind, let descriptor): "join \(kind.rawValue) namespace \(descriptor)"
    case .propagation(let path, let flags): "propagation of \(path) 0x\(String(flags, radix: 16))"
    case .descriptor(let slot, let number): "\(slot) = descriptor \(number)"
    case .synchronise(let point): "wait for \(point)"
    case .tell(let point): "tell \(point)"
    case .awaitWord: "wait for the launcher"
    case .unshare(let kind): "unshare \(kind.rawValue)"
    case .hostname(let name): "hostname \(name)"
    case .domainname(let name): "domainname \(name)"
    case .sysctl(let path, let value): "write \(path) \(value)"
    case .keyring(let name): "join session keyring \(name)"
    default: mountDescription ?? processDescription ?? ""
    }
  }

  private var mountDescription: String? {
    switch self {
    case .openContext(let type): "open \(type)"
    case .setParameter(let key, let value): "set \(key)=\(value)"
    case .setFlag(let key): "set \(key)"
    case .makeMount(let slot, let attributes): "\(slot) = mount \(attributes)"
    case .copyTree(let path, let below, let recursive): "copy \(recursive ? "tree" : "mount") \(path)\(below.isEmpty ? "" : " // \(below)")"
    case .changeMount(let slot, let set, let clear, let propagation, let recursive):
      "change \(slot)\(recursive ? " and below" : "") +\(set) -\(clear)\(propagation == 0 ? "" : " propagation 0x\(String(propagation, radix: 16))")"
    case .attachRoot(let path): "attach root at \(path)"
    case .directory(let path, let flags): "target = directory \(path)\(flags)"
    case .mountTarget(let path, let flags): "target = \(path)\(flags)"
    case .copyUp(let keepsMode, let keepsOwner):
      "copy target into mount\(keepsMode ? ", whose mode stays" : "")\(keepsOwner ? ", whose owner stays" : "")"
    case .attach: "attach mount to target"
    case .node(let path, let node):
      "node \(path) 0\(String(node.mode, radix: 8)) \(node.major):\(node.minor) \(node.uid):\(node.gid)"
    case .link(let path, let target): "link \(path) -> \(target)"
    case .nullDevice(let path): "nullDevice = \(path)"
    case .mask(let path): "mask \(path)"
    case .readOnly(let path): "read-only \(path)"
    case .pivot: "pivot root"
    default: nil
    }
  }

  private var processDescription: String? {
    switch self {
    case .rlimit(let resource, let soft, let hard): "rlimit \(resource) \(soft) \(hard)"
    case .oomScore(let score): "oom_score_adj \(score)"
    case .label(let file, let label): "label \(file) \(label)"
    case .scheduler(let attributes): "scheduler \(attributes.policy) nice \(attributes.nice) priority \(attributes.priority)"
    case .ioPriority(let value): "I/O priority \(value >> 13):\(value & 0x1fff)"
    case .affinity(let mask): "affinity \(mask)"
    case .memoryPolicy(let mode, let nodes): "memory policy 0x\(String(mode, radix: 16)) \(nodes)"
    case .personality(let domain): "personality \(domain)"
    case .umask(let bits): "umask 0\(String(bits, radix: 8))"
    case .boundingSet(let set): "bounding \(set)"
    case .user(let uid, let gid, let groups): "ids \(uid):\(gid) \(groups)"
    case .capabilities(let effective, let permitted, let inheritable):
      "effective \(effective) permitted \(permitted) inheritable \(inheritable)"
    case .ambientSet(let set): "ambient \(set)"
    case .noNewPrivileges: "no new privileges"
    case .seccomp(let filter, let flags): "filter of \(filter.count / 8) instructions, flags \(flags)"
    case .seccompListening(let filter, let flags, let listener):
      "filter of \(filter.count / 8) instructions, flags \(flags), listener over \(listener.socket)"
    case .announce: "announce exec"
    case .split(let program, let only, let terminal):
      "init from \(program)\(only ? " alone" : "")\(terminal ? " with a terminal" : "")"
    case .changeDirectory(let path, let mayWait): "chdir \(path)\(mayWait ? " if permitted" : "")"
    case .ownStreams(let uid): "streams belong to \(uid)"
    case .execute(let candidates, let arguments, let environment): "exec \(candidates) \(arguments) with \(environment.count) variables"
    default: nil
    }
  }
}

extension ResolveFlags: CustomStringConvertible {
  public var description: String {
    [(ResolveFlags.create, " create"), (.noProc, " no-proc"), (.noSymlinks, " no-symlinks")].map { contains($0.0) ? $0.1 : "" }.joined()
  }
}
