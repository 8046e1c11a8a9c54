import BerthCore

extension PodDecoder {
  mutating func network(_ spec: inout PodSpec) {
    for entry in root["hosts"]?.table?.entries ?? [] { spec.hosts[entry.key] = entry.value.array?.compactMap(\.string) ?? [] }
    spec.dns = root["dns"]?.table.map(Self.dns)
    if let value = root["network"] { spec.network = podNetwork(value) }
    sysctls(&spec)
  }

  private mutating func podNetwork(_ value: TOMLValue) -> PodNetwork {
    if let word = value.string { return PodNetwork(word: word) }
    let items = value.array ?? [value]
    if items.isEmpty { sink.error("'network' names no network", at: value.range, help: "write network = \"none\"") }
    var list: [NetworkAttachment] = []
    for item in items {
      guard let attachment = attachment(item) else { continue }
      if attachment.name == "host" || attachment.name == "none" {
        sink.error("\"\(attachment.name)\" can't stand beside other networks or settings", at: item.range)
      } else if list.contains(where: { $0.name == attachment.name }) {
        sink.error("network '\(attachment.name)' is named twice", at: item.range)
      }
      list.append(attachment)
    }
    if list.count > Self.mostNetworks { sink.error("a pod can be on at most \(Self.mostNetworks) networks", at: value.range) }
    return list.isEmpty ? .standard : .attached(list)
  }

  private static var mostNetworks: Int { 16 }

  private mutating func attachment(_ value: TOMLValue) -> NetworkAttachment? {
    if let name = value.string { return NetworkAttachment(name: name) }
    guard let table = value.table else { return nil }
    var attachment = NetworkAttachment(name: table["name"]?.string ?? NetworkAttachment.bridge)
    attachment.mac = table["mac"]?.string?.lowercased()
    if let ip = table["ip"] {
      attachment.addresses = ip.string.map { [$0] } ?? ip.array?.compactMap(\.string) ?? []
      if Set(attachment.addresses.map(IPAddressText.isIPv4)).count < attachment.addresses.count {
        sink.error("'ip' may hold one IPv4 and one IPv6 address", at: ip.range)
      }
    }
    attachment.bandwidth.ingress = table["bandwidth"]?.table?["ingress"]?.size
    attachment.bandwidth.egress = table["bandwidth"]?.table?["egress"]?.size
    return attachment
  }

  private static func dns(_ table: TOMLTable) -> DNSConfig {
    var dns = DNSConfig()
    dns.servers = table.strings("servers") ?? []
    dns.searches = table.strings("searches") ?? []
    dns.options = table.strings("options") ?? []
    return dns
  }

  /// Only what a pod has for itself: anything else would be the node's.
  private mutating func sysctls(_ spec: inout PodSpec) {
    for entry in root["sysctls"]?.table?.entries ?? [] {
      let problem: String? =
        switch SysctlName.namespace(of: entry.key) {
        case .network where spec.network == .host: "is the node's own with network = \"host\""
        case .uts: "is set by 'hostname'"
        case .network, .ipc: SysctlName.path(of: entry.key) == nil ? "is no name of a sysctl" : nil
        case nil: "is not namespaced: it would change the whole node"
        }
      if let problem { sink.error("sysctl '\(entry.key)' \(problem)", at: entry.keyRange) }
      spec.sysctls[entry.key] = entry.value.string ?? entry.value.integer.map { "\($0)" }
    }
  }
}
