import BerthCore
import Glibc
import Synchronization

/// Who, beside the pods, listens on the ports of the node. Thread-safe.
public final class NodePorts: Sendable {
  /// Many manifests are looked at one after the other.
  private static let lifetime: Int64 = 10_000_000
  private let known = Mutex<(sockets: [ListeningSocket], at: Int64)?>(nil)

  public init() {}

  /// In words, as `nginx (pid 812)`; nil where nobody is in the way of `address` (nil: every address), or only pods are.
  public func holder(_ transport: ListeningSocket.Transport, _ port: UInt16, on address: IPAddress?) -> String? {
    let inodes = sockets().filter { $0.transport == transport && $0.port == port && $0.isInTheWay(of: address) }.map(\.inode)
    return inodes.isEmpty ? nil : Self.words(Set(inodes), transport)
  }

  private func sockets() -> [ListeningSocket] {
    known.withLock { known in
      let now = Clock.bootNanoseconds()
      if let known, now - known.at < Self.lifetime { return known.sockets }
      let sockets = ListeningSocket.all()
      known = (sockets, now)
      return sockets
    }
  }

  private static func words(_ inodes: Set<UInt64>, _ transport: ListeningSocket.Transport) -> String? {
    let owners = owners(of: inodes)
    if let stranger = owners.first(where: { !belongsToPods($0, transport) }) { return "\(name(stranger)) (pid \(stranger))" }
    if !owners.isEmpty { return nil }
    // Who can look into every process finds the owner, unless it is the kernel; anybody else can't tell it from a pod.
    return geteuid() == 0 ? "the kernel, or a program in another PID namespace," : nil
  }

  private static func owners(of inodes: Set<UInt64>) -> [Int32] {
    let names = Set(inodes.map { "socket:[\($0)]" })
    return ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
      ((try? Files.list("/proc/\(pid)/fd")) ?? []).contains { (try? Files.readLink("/proc/\(pid)/fd/\($0)")).map(names.contains) == true }
    }
  }

  private static func name(_ pid: Int32) -> String {
    let text = (try? Files.readText("/proc/\(pid)/comm", limit: 64)) ?? "?"
    return String(text.prefix { $0 != "\n" })
  }

  /// A pod's process has a shim above it, or is in a pod's cgroup where its shim has died. The daemon keeps published ports for pods: of UDP, that looks like somebody who listens.
  private static func belongsToPods(_ pid: Int32, _ transport: ListeningSocket.Transport) -> Bool {
    if transport == .udp, name(pid) == "berthd" { return true }
    let groups = (try? Files.readText("/proc/\(pid)/cgroup", limit: 64 << 10)) ?? ""
    if groups.split(separator: "\n").contains(where: isPodGroup) { return true }
    var next = pid
    for _ in 0..<1000 where next > 1 {
      if name(next) == "berth-shim" { return true }
      next = parent(of: next)
    }
    return false
  }

  /// A line of `/proc/PID/cgroup` that ends in `…-INSTANCE/POD_UID/CONTAINER`, of whatever root.
  static func isPodGroup(_ line: Substring) -> Bool {
    func isHexadecimal(_ text: Substring) -> Bool { text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } }
    let names = line.split(separator: "/")
    return zip(names, names.dropFirst()).contains { parent, pod in
      guard let instance = parent.split(separator: "-").last, parent.contains("-"), instance.utf8.count == 8, isHexadecimal(instance)
      else { return false }
      let parts = pod.split(separator: "-", omittingEmptySubsequences: false)
      return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.allSatisfy(isHexadecimal)
    }
  }

  private static func parent(of pid: Int32) -> Int32 {
    let status = (try? Files.readText("/proc/\(pid)/status")) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }
    return line.flatMap { Int32($0.dropFirst(5).drop { $0 == "\t" || $0 == " " }) } ?? 0
  }
}
