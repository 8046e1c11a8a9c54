import BerthCore
import BerthLinux
import Glibc

/// What the kernel holds: mounts, control groups, network namespaces, firewall rules.
extension LeakCensus {
  /// `mount point (type source)` of every mount of this mount namespace. Mounts stacked on one point are told apart by their number.
  static func mounts() throws -> [String] {
    var seen: [String: Int] = [:]
    return try Files.readText("/proc/self/mountinfo").split(separator: "\n").map { line in
      let fields = line.split(separator: " ")
      let point = fields.count > 4 ? fields[4] : line
      let tail = fields.drop { $0 != "-" }.dropFirst().prefix(2).joined(separator: " ")
      let name = "\(point) (\(tail))"
      seen[name, default: 0] += 1
      return "\(name) #\(seen[name] ?? 1)"
    }
  }

  /// Every cgroup directory in every hierarchy that is mounted here.
  static func cgroups() throws -> [String] {
    let hierarchies = try Files.readText("/proc/self/mounts").split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ")
      return fields.count > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") ? String(fields[1]) : nil
    }
    return Set(hierarchies).sorted().flatMap { directories(below: $0) }
  }

  /// Directories that go away while they are listed are left out.
  private static func directories(below path: String) -> [String] {
    guard let names = try? Files.list(path) else { return [] }
    return names.flatMap { name -> [String] in
      let child = "\(path)/\(name)"
      guard (try? Files.linkStatus(child))?.kind == .directory else { return [] }
      return [child] + directories(below: child)
    }
  }

  /// Network namespaces that a process lives in or that a name keeps.
  static func networkNamespaces() throws -> [String] {
    let lived = try Files.list("/proc").compactMap { pid_t($0) }.compactMap { try? Files.readLink("/proc/\($0)/ns/net") }
    let named = ["/run/netns", "/run/berth/netns"].flatMap { directory in
      ((try? Files.list(directory)) ?? []).map { "\(directory)/\($0)" }
    }
    return Set(lived).sorted() + named
  }

  /// Each rule of nftables and iptables on a line of its own; none where the tools are missing.
  static func firewallRules() throws -> [String] {
    var rules: [String] = []
    for (program, arguments) in [("nft", ["list", "ruleset"]), ("iptables-save", [])] where Command.exists(program) {
      let result = try Command.run(program, arguments)
      guard result.exit == 0 else { continue }
      for (number, line) in result.stdout.split(separator: "\n").enumerated() where !line.hasPrefix("#") && !line.hasPrefix(":") {
        rules.append("\(program) \(number): \(line)")
      }
    }
    return rules
  }
}
