import BerthCore
import BerthManifest

/// One CNI network of a pod: what it was asked for with, and what came of it. Kept on disk from before the first plugin runs until DEL
/// has succeeded, with the configuration as it was: the operator's file may change meanwhile.
struct CNIAttachment: Sendable, Hashable {
  var network: CNINetwork
  /// `eth0`.
  var interface: String
  /// By capability, for plugins that have it.
  var capabilities: JSONObject
  /// `CNI_ARGS`.
  var arguments: String
  var result: CNIResult?
  /// What must come of it. Not kept on disk: only the daemon that asks looks.
  private var fixedAddresses: [String] = []
  private var fixedMAC: String?

  var json: JSON {
    [
      "network": network.json, "interface": .string(interface), "capabilities": .object(capabilities), "arguments": .string(arguments),
      "result": result?.json ?? .null,
    ]
  }

  init?(json: JSON) {
    guard let network = json["network"].flatMap({ try? CNINetwork($0, isList: true) }), let interface = json["interface"]?.string else {
      return nil
    }
    self.network = network
    self.interface = interface
    capabilities = json["capabilities"]?.object ?? [:]
    arguments = json["arguments"]?.string ?? ""
    result = json["result"].flatMap { $0.isNull ? nil : CNIResult($0) }
  }

  /// `ports`: those to be published here; `names`: the pod's in this network.
  init(
    _ network: CNINetwork, _ wanted: NetworkAttachment, interface: String, pod key: PodKey, uid: String, ports: [PublishedPort],
    dns: DNSConfig?,
    names: [String]
  ) {
    self.network = network
    self.interface = interface
    fixedAddresses = wanted.addresses
    fixedMAC = wanted.mac
    capabilities = Self.capabilities(network, wanted, ports, dns, names)
    var arguments = ["IgnoreUnknown=1", "K8S_POD_NAMESPACE=\(key.namespace)", "K8S_POD_NAME=\(key.name)", "K8S_POD_UID=\(uid)"]
    // Plugins that lack the capability may know the older way.
    if !network.has("ips"), let address = wanted.addresses.first { arguments.append("IP=\(address)") }
    if !network.has("mac"), let mac = wanted.mac { arguments.append("MAC=\(mac)") }
    self.arguments = arguments.joined(separator: ";")
  }

  /// What was asked for and a plugin passed over; nil if all is as asked.
  func unmet(by result: CNIResult) -> String? {
    let has = Set(result.addresses.map(\.address))
    if let missing = fixedAddresses.first(where: { address in IPAddress(address).map { !has.contains($0) } ?? true }) {
      return "no plugin gave the pod its address \(missing): the network's address management takes no fixed ones (capability ips)"
    }
    if let fixedMAC, !result.macs.contains(fixedMAC) {
      return "no plugin gave the pod its hardware address \(fixedMAC) (capability mac)"
    }
    return nil
  }

  /// Source: CNI's CONVENTIONS.md "Dynamic Plugin specific fields".
  private static func capabilities(
    _ network: CNINetwork, _ wanted: NetworkAttachment, _ ports: [PublishedPort], _ dns: DNSConfig?, _ names: [String]
  ) -> JSONObject {
    var all = JSONObject()
    if !ports.isEmpty { all["portMappings"] = .array(ports.map(\.portMapping)) }
    if !wanted.addresses.isEmpty { all["ips"] = .strings(wanted.addresses) }
    all["mac"] = wanted.mac.map(JSON.string)
    if !wanted.bandwidth.isEmpty { all["bandwidth"] = wanted.bandwidth.cni }
    if let dns { all["dns"] = ["servers": .strings(dns.servers), "searches": .strings(dns.searches), "options": .strings(dns.options)] }
    all["aliases"] = [network.name: .strings(names)]
    return all
  }
}

extension NetworkAttachment.Bandwidth {
  /// In bits; the burst is what a tenth of a second lets through, at least what the largest packets need.
  var cni: JSON {
    func bits(_ size: ByteSize) -> Int64 { size.bytes.multipliedReportingOverflow(by: 8).overflow ? .max : size.bytes * 8 }
    func burst(_ size: ByteSize) -> Int64 { min(max(bits(size) / 10, 1 << 20), Int64(UInt32.max)) }
    var object = JSONObject()
    if let ingress { (object["ingressRate"], object["ingressBurst"]) = (.integer(bits(ingress)), .integer(burst(ingress))) }
    if let egress { (object["egressRate"], object["egressBurst"]) = (.integer(bits(egress)), .integer(burst(egress))) }
    return .object(object)
  }
}
