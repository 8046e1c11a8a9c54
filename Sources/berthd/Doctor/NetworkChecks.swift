import BerthCore
import BerthLinux
import BerthNode

/// What pod networks and registries need of the node.
struct NetworkChecks {
  var configuration: NodeConfiguration

  func all() -> [Finding] { [forwarding(), plugins(), resolver(), clock()] }

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

  /// Only networks of conflists need them.
  private func plugins() -> Finding {
    let places = configuration.network.pluginDirs
    let found = places.first { Files.exists("\($0)/bridge") }
    let conflists = ((try? Files.list(configuration.network.configDir)) ?? []).filter { $0.hasSuffix(".conflist") || $0.hasSuffix(".conf") }
    if let found { return .ok("CNI plugins", "\(found), \(conflists.count) networks in \(configuration.network.configDir)") }
    if conflists.isEmpty { return .ok("CNI plugins", "none, and no network in \(configuration.network.configDir) needs them") }
    return .failed(
      "CNI plugins",
      "\(conflists[0]) in \(configuration.network.configDir) needs some, and there are none in \(places.joined(separator: ", "))",
      fix: "apt-get install containernetworking-plugins")
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
