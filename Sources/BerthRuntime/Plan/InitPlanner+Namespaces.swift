import BerthCore
import BerthOCI

extension RuntimeSpec.NamespaceKind {
  /// CLONE_NEW*. Source: clone(2).
  public var cloneFlag: UInt64 {
    switch self {
    case .time: 0x80
    case .mount: 0x20000
    case .cgroup: 0x200_0000
    case .uts: 0x400_0000
    case .ipc: 0x800_0000
    case .user: 0x1000_0000
    case .pid: 0x2000_0000
    case .network: 0x4000_0000
    }
  }
}

extension InitPlanner {
  /// Whether the container's namespace of this kind is not the node's.
  func isPrivate(_ kind: RuntimeSpec.NamespaceKind) -> Bool {
    linux.namespaces.contains { $0.type == kind } || facts.sandboxNamespaces.contains(kind)
  }

  mutating func planNamespaces() throws(BerthError) {
    guard isPrivate(.mount) else { throw failure(.invalidArgument, "linux.namespaces", "a container needs a mount namespace") }
    for namespace in linux.namespaces {
      switch (namespace.type, namespace.path) {
      case (_, .some) where plan.birth.joins.contains { $0.kind == namespace.type }: continue
      case (.time, nil) where plan.birth.timeOffsets != nil: continue
      // Unshared once the process is where the namespace's root is to be.
      case (.cgroup, nil): continue
      // Joining takes effect for children: the launcher has joined before it clones.
      case (.pid, .some): continue
      // Whoever makes it owns its folder of message queues: that is to be the user namespace's root.
      case (.ipc, nil) where facts.idMaps != nil: add(.unshare(.ipc), "make ipc namespace")
      case (let kind, nil): plan.cloneFlags |= kind.cloneFlag
      case (let kind, let path?):
        guard let descriptor = facts.namespaces[kind] else { throw failure(.bug, "linux.namespaces", "\(path) was not opened") }
        add(.joinNamespace(kind, descriptor: descriptor), "join \(kind.rawValue) namespace \(path)")
      }
    }
  }

  /// They are moved by whoever makes the container. Source: config-linux.md "Network Devices".
  func checkNetDevices() throws(BerthError) {
    guard !linux.netDevices.isEmpty else { return }
    guard isPrivate(.network) else {
      throw failure(.invalidArgument, "linux.netDevices", "a container that takes interfaces over needs a network namespace of its own")
    }
    guard Set(linux.netDevices.values).count == linux.netDevices.count else {
      throw failure(.invalidArgument, "linux.netDevices", "two interfaces have one name in the container")
    }
    for (device, name) in linux.netDevices {
      for name in [device, name] {
        // IFNAMSIZ, and what the kernel's dev_valid_name takes.
        let isName =
          (1...15).contains(name.utf8.count) && name != "." && name != ".."
          && name.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "%") }
        guard isName else { throw failure(.invalidArgument, "linux.netDevices.\(device)", "\"\(name)\" is no name of an interface") }
      }
    }
  }

  mutating func planNames() throws(BerthError) {
    if let name = try name(spec.hostname, "hostname") { add(.hostname(name), "set hostname") }
    if let name = try name(spec.domainname, "domainname") { add(.domainname(name), "set domainname") }
  }

  private func name(_ name: String?, _ field: String) throws(BerthError) -> String? {
    guard let name, !name.isEmpty else { return nil }
    guard isPrivate(.uts) else { throw failure(.invalidArgument, field, "needs a uts namespace of its own") }
    guard name.utf8.count <= 64 else { throw failure(.invalidArgument, field, "is longer than 64 bytes") }
    guard name.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
      throw failure(.invalidArgument, field, "has a blank or control character")
    }
    return name
  }

  /// A proc that nobody else sees, for what must be written there before exec.
  mutating func openProc(_ purpose: String) {
    if plan.steps.contains(where: { $0.what == .makeMount(.proc, Self.procAttributes) }) { return }
    add(.openContext("proc"), purpose)
    add(.makeMount(.proc, Self.procAttributes), purpose)
  }
  private static let procAttributes: MountAttributes = [.noSetUID, .noDevices, .noExec]

  mutating func planSysctls() throws(BerthError) {
    for name in linux.sysctl.keys.sorted() {
      guard let value = linux.sysctl[name] else { continue }
      let field = "linux.sysctl.\(name)"
      guard let kind = Sysctl.namespace(of: name) else {
        throw failure(.invalidArgument, field, "belongs to no namespace: it would change the node")
      }
      guard isPrivate(kind) else { throw failure(.invalidArgument, field, "needs a \(kind.rawValue) namespace of its own") }
      guard let path = Sysctl.path(of: name) else { throw failure(.invalidArgument, field, "is no name of a sysctl") }
      guard !value.utf8.contains(10) else { throw failure(.invalidArgument, field, "has a line break in its value") }
      openProc("mount private proc")
      add(.sysctl(path, value), "set sysctl \(name)")
    }
    if process.oomScoreAdj != nil, facts.idMaps == nil { openProc("mount private proc") }
  }
}

/// Which sysctls are a container's own.
enum Sysctl {
  /// nil: none's, so a change would be seen by all.
  static func namespace(of name: String) -> RuntimeSpec.NamespaceKind? {
    switch SysctlName.namespace(of: name) {
    case .ipc: .ipc
    case .uts: .uts
    case .network: .network
    case nil: nil
    }
  }

  /// Below proc; nil for what is no name.
  static func path(of name: String) -> String? { SysctlName.path(of: name) }
}
