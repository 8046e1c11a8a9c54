import BerthCore
import BerthLinux

/// Berth's own network in the kernel: the bridge, its rules, and each pod's pair of interfaces. Everything is done on one thread.
///
/// The bridge and the rules are made when the first pod comes, and again should somebody have removed them.
final class BridgeNetwork: @unchecked Sendable {
  // Checked by hand: `NetworkThread` alone touches what changes.
  let configuration: BridgeConfiguration
  private let rules: BridgeRules
  private let nft: String
  private var kernel: Kernel?
  /// Every published port by pod, to write the table anew.
  private var published: [String: [PortElement]] = [:]

  /// Sockets and facts of the node's own namespace.
  private struct Kernel {
    var home: NamespaceBox
    var route: NetlinkSocket
    var firewall: NetlinkSocket
    var bridge: Int32
    var mtu: UInt32
  }

  private final class NamespaceBox {
    let namespace: NetworkNamespace
    init() throws(Errno) { namespace = try NetworkNamespace.own() }
  }

  init(_ configuration: BridgeConfiguration, table: String, nft: String) {
    self.configuration = configuration
    self.nft = nft
    rules = BridgeRules(table: table, configuration: configuration)
  }

  // MARK: pods

  struct Attachment: Sendable {
    var uid: String
    /// `eth0`.
    var interface: String
    var addresses: [IPAddress]
    var mac: [UInt8]
    var elements: [PortElement]
    /// Bytes a second; nil: unlimited.
    var ingress: UInt64?
    var egress: UInt64?
  }

  /// The interface on the node's side: 15 bytes at most, told apart by the pod's uid.
  static func link(of uid: String) -> String { "bv" + uid.filter { $0 != "-" }.prefix(12) }

  /// Puts the pod whose shim is `process` on the network.
  func attach(_ attachment: Attachment, process: ProcessIdentity) throws(BerthError) {
    published[attachment.uid] = attachment.elements
    do throws(Errno) {
      let namespace = try NetworkNamespace(of: process)
      do throws(Errno) { try connect(attachment, namespace, try prepared()) } catch {
        // Somebody took the bridge or the table away: once more with new ones.
        guard error == .notFound || error == .noDevice || error == .invalid else { throw error }
        kernel = nil
        try? delete(attachment.uid)
        try connect(attachment, namespace, try prepared())
      }
    } catch { throw failure("attach pod to network", error) }
  }

  private func connect(_ attachment: Attachment, _ namespace: borrowing NetworkNamespace, _ kernel: Kernel) throws(Errno) {
    let inside = try namespace.enter(from: kernel.home.namespace) { () throws(Errno) in
      InterfaceSettings.quiet("default")
      return try NetlinkSocket(.route)
    }
    let link = Self.link(of: attachment.uid)
    let pair = [
      RouteMessage.addPair(
        link, bridge: kernel.bridge, peer: attachment.interface, mac: attachment.mac, namespace: namespace.file.raw, mtu: kernel.mtu),
      RouteMessage.setHairpin(link),
    ]
    if let failure = try kernel.route.perform(pair)[0] {
      guard failure == .exists else { throw failure }
      // Of a daemon that died half-way.
      try delete(attachment.uid)
      if let failure = try kernel.route.perform(pair)[0] { throw failure }
    }
    if let rate = attachment.ingress, let port = try kernel.route.links().first(where: { $0.name == link }) {
      try kernel.route.require([RouteMessage.limit(port.index, bytesPerSecond: rate)])
    }
    if !attachment.elements.isEmpty {
      try PortElements.add(attachment.elements, to: rules.table, kernel.firewall)
      try ConnectionTracking.forget(attachment.elements, kernel.firewall)
    }
    guard let own = try inside.links().first(where: { $0.name == attachment.interface }) else { throw .noDevice }
    var requests = [RouteMessage.setUp(own.index)]
    for address in attachment.addresses {
      guard let subnet = configuration.subnets.first(where: { $0.isIPv6 == address.isIPv6 }),
        let prefix = IPPrefix(address, length: subnet.length)
      else { continue }
      requests.append(RouteMessage.addAddress(prefix, to: own.index))
    }
    if let rate = attachment.egress { requests.append(RouteMessage.limit(own.index, bytesPerSecond: rate)) }
    try inside.require(requests)
    let gateways = configuration.gateways.filter { gateway in attachment.addresses.contains { $0.isIPv6 == gateway.isIPv6 } }
    let routes = try inside.perform(gateways.map { RouteMessage.addDefaultRoute(via: $0.address, on: own.index) })
    // A default route that an earlier network of the pod's made stays.
    for case let failure? in routes where failure != .exists { throw failure }
  }

  /// Takes the pod off. What is gone already, its namespace too, is fine.
  func detach(_ uid: String, _ elements: [PortElement]) throws(BerthError) {
    published[uid] = nil
    do throws(Errno) {
      if !elements.isEmpty {
        let firewall = if let kernel { kernel.firewall } else { try NetlinkSocket(.netfilter) }
        try PortElements.remove(elements, from: rules.table, firewall)
        try ConnectionTracking.forget(elements, firewall)
      }
      try delete(uid)
    } catch { throw failure("take pod off network", error) }
  }

  private func delete(_ uid: String) throws(Errno) {
    let route = if let kernel { kernel.route } else { try NetlinkSocket(.route) }
    if let failure = try route.perform([RouteMessage.deleteLink(Self.link(of: uid))])[0], failure != .noDevice { throw failure }
  }

  // MARK: the network

  /// Takes over what an earlier daemon made: the pods that are on the network, and their ports.
  func adopt(_ pods: [String: [PortElement]]) throws(BerthError) {
    published.merge(pods) { $1 }
    guard !pods.isEmpty else { return }
    do throws(Errno) { _ = try prepared() } catch { throw failure("set up network", error) }
  }

  /// Makes what is missing of the bridge, its addresses, the kernel's settings and the rules.
  private func prepared() throws(Errno) -> Kernel {
    if let kernel { return kernel }
    let home = try NamespaceBox()
    let route = try NetlinkSocket(.route)
    let mac = BridgeAddresses.mac(of: configuration.gateways.first?.address)
    if let failure = try route.perform([RouteMessage.addBridge(configuration.link, mac: mac)])[0], failure != .exists { throw failure }
    guard let bridge = try route.links().first(where: { $0.name == configuration.link }) else { throw .noDevice }
    InterfaceSettings.quiet(configuration.link)
    for case let failure? in try route.perform(configuration.gateways.map { RouteMessage.addAddress($0, to: bridge.index) })
    where failure != .exists { throw failure }
    InterfaceSettings.forward(from: configuration.link, withIPv6: configuration.subnets.contains(where: \.isIPv6))
    try write(rules.text(elements: published.values.flatMap { $0 }))
    let made = Kernel(home: home, route: route, firewall: try NetlinkSocket(.netfilter), bridge: bridge.index, mtu: bridge.mtu)
    kernel = made
    return made
  }

  /// The network is not used any more.
  func remove() throws(BerthError) {
    guard published.isEmpty else { return }
    do throws(Errno) {
      let route = try NetlinkSocket(.route)
      guard try route.links().contains(where: { $0.name == configuration.link }) else { return }
      try write(rules.removal)
      if let failure = try route.perform([RouteMessage.deleteLink(configuration.link)])[0], failure != .noDevice { throw failure }
      kernel = nil
    } catch { throw failure("remove network", error) }
  }

  /// What nft said when it failed, for the error.
  private var complaint = ""

  private func write(_ text: String) throws(Errno) {
    let program = BoundedProgram(
      nft, arguments: ["-f", "-"], input: Array(text.utf8), timeout: .seconds(30), outputLimit: 64 << 10)
    let result: BoundedProgram.Outcome
    do throws(Errno) { result = try program.run() } catch {
      complaint = "run \(nft): \(error)" + (error == .notFound ? "; install the package nftables" : "")
      throw error
    }
    guard result.succeeded else {
      complaint = "\(nft): \(String(decoding: result.errors.prefix(500), as: UTF8.self))"
      throw .invalid
    }
  }

  private func failure(_ operation: String, _ error: Errno) -> BerthError {
    defer { complaint = "" }
    return BerthError(.unavailable, operation, configuration.name, cause: complaint.isEmpty ? "\(error)" : complaint)
  }
}

/// Hardware addresses.
enum BridgeAddresses {
  /// From the IPv4 address where there is one: a neighbour's table stays right when an address passes on to another pod.
  static func mac(of address: IPAddress?) -> [UInt8] {
    guard let address else { return [0x02] + (0..<5).map { _ in UInt8.random(in: 0...255) } }
    return [0x0a, 0x58] + address.bytes.suffix(4)
  }

  static func mac(_ text: String) -> [UInt8] { text.split(separator: ":").compactMap { UInt8($0, radix: 16) } }
  static func text(_ mac: [UInt8]) -> String { mac.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":") }
}

/// The kernel's settings below /proc/sys/net, of the calling thread's network namespace.
enum InterfaceSettings {
  /// No router advertisement makes routes or addresses, and no address waits for a detection of duplicates. Source: CVE-2020-10749.
  static func quiet(_ interface: String) {
    // Without IPv6 in the kernel there is no such file, and nothing to switch off.
    for name in ["accept_ra", "accept_dad"] { try? Files.write("0", to: "/proc/sys/net/ipv6/conf/\(interface)/\(name)") }
  }

  /// Lets packets through between interfaces, and from 127.0.0.1 into the bridge.
  static func forward(from bridge: String, withIPv6: Bool) {
    try? Files.write("1", to: "/proc/sys/net/ipv4/conf/\(bridge)/route_localnet")
    set("/proc/sys/net/ipv4/ip_forward")
    guard withIPv6 else { return }
    let all = "/proc/sys/net/ipv6/conf/all/forwarding"
    guard (try? Files.readText(all, limit: 16)) == "0\n" else { return }
    // A node that forwards takes no router's word any more, unless it is told to: it would lose its own default route.
    for interface in (try? Files.list("/proc/sys/net/ipv6/conf")) ?? [] where interface != "all" && interface != bridge {
      let path = "/proc/sys/net/ipv6/conf/\(interface)/accept_ra"
      if (try? Files.readText(path, limit: 16)) == "1\n" { try? Files.write("2", to: path) }
    }
    set(all)
  }

  private static func set(_ path: String) {
    if (try? Files.readText(path, limit: 16)) != "1\n" { try? Files.write("1", to: path) }
  }
}
