import BerthCore
import BerthLinux
import BerthNetwork
import BerthNode

/// What pod networks and registries need of the node.
struct NetworkChecks {
  var configuration: NodeConfiguration

  func all() -> [Finding] { [forwarding()] + cniNetworks() + [resolver(), clock()] }

  private func number(_ path: String) -> Int? {
    (try? Files.readText(path)).flatMap { Int($0.split(whereSeparator: \.isWhitespace).first ?? "") }
  }

  private func forwarding() -> Finding {
    switch number("/proc/sys/net/ipv4/ip_forward") {
    case 1?: .ok("forwarding", "net.ipv4.ip_forward = 1")
    case nil: .warning("forwarding", "this kernel has no IPv4", fix: "use network = \"host\" or \"none\"")
    default:
      .warning("forwarding", "net.ipv4.ip_forward = 0: berthd sets it with the first pod on a bridge", fix: "sysctl net.ipv4.ip_forward=1")
    }
  }

  /// Every network of a file that can't be used, and what it lacks; one line if all can.
  private func cniNetworks() -> [Finding] {
    let directory = CNIDirectory(configuration.network.configDir), places = configuration.network.pluginDirs
    let plugins = CNIPlugins(directories: places)
    let (networks, problems) = directory.read()
    let unread = problems.map { Finding.warning("CNI networks", "not read: \($0)", fix: "correct \($0.file), or remove it") }
    let incomplete = networks.compactMap { network -> Finding? in
      let missing = network.pluginTypes.filter { !plugins.has($0) }
      guard !missing.isEmpty else { return nil }
      return .warning(
        "CNI networks", "\(network.name) needs \(missing.joined(separator: ", ")), not found in \(places.joined(separator: ", "))",
        fix: "apt-get install containernetworking-plugins, or set [network] plugin_dirs")
    }
    let findings = unread + incomplete
    if !findings.isEmpty { return findings }
    let names = networks.isEmpty ? "none" : networks.map(\.name).joined(separator: ", ")
    return [.ok("CNI networks", "\(names) in \(directory.path)")]
  }

  private func resolver() -> Finding {
    let text = (try? Files.readText("/etc/resolv.conf")) ?? ""
    let servers = text.split(separator: "\n").filter { $0.hasPrefix("nameserver") }
    return servers.isEmpty
      ? .warning(
        "DNS", "/etc/resolv.conf names no server: registries are found by address only",
        fix: "echo 'nameserver ADDRESS' >> /etc/resolv.conf")
      : .ok("DNS", servers.map { $0.dropFirst("nameserver".count).trimmingPrefix { $0.isWhitespace } }.joined(separator: ", "))
  }

  /// Certificates and schedules go by the wall clock.
  private func clock() -> Finding {
    let year = Timestamp(nanoseconds: Clock.wallNanoseconds()).description.prefix(4)
    if Int(year) ?? 0 < 2025 { return .failed("clock", "it says \(year): certificates will look invalid", fix: "timedatectl set-ntp true") }
    return Clock.isSynchronized
      ? .ok("clock", "synchronized") : .warning("clock", "not synchronized", fix: "install and start chrony or systemd-timesyncd")
  }
}
