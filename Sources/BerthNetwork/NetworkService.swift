import BerthCore
import BerthLinux
import BerthManifest
import Synchronization

/// Pods and their networks. What is about to be done is on disk before it is done, and stays there until it is undone: a daemon that comes
/// after a crash finds all of it. Thread-safe; `attach` and `detach` of one pod come one after the other.
public final class NetworkService: Sendable {
  let options: NetworkOptions
  let directory: CNIDirectory
  let client: CNIClient
  let names = PodNames()
  /// nil until Berth's own network is first used.
  let own = Mutex<OwnNetwork?>(nil)
  let state: Mutex<State>

  struct State {
    var records: NetworkRecords
    /// Ports of the node that are kept for pods, by pod's uid.
    var locks: [String: [PortLock]] = [:]
    /// What plugins found wrong with a pod's networks when this daemon started, by pod's uid.
    var problems: [String: String] = [:]
  }

  /// Berth's own network: what is known of it, and the thread on which it is changed.
  struct OwnNetwork {
    var bridge: BridgeNetwork
    var pool: AddressPool
    var thread: NetworkThread
  }

  /// Reads what earlier daemons left; nothing is made in the kernel.
  public init(_ options: NetworkOptions) throws(BerthError) {
    self.options = options
    directory = CNIDirectory(options.configDirectory)
    client = CNIClient(plugins: CNIPlugins(directories: options.pluginDirectories, timeout: options.pluginTimeout))
    state = Mutex(State(records: try NetworkRecords(directory: "\(options.root)/networks/pods")))
  }

  /// What a manifest's networks are on this node.
  public func resolve(_ network: PodNetwork) -> PodNetwork { network == .standard ? options.standard : network }

  func record(_ uid: String) -> NetworkRecord? { state.withLock { $0.records.all[uid] } }

  /// Those of the first interface first; none for a pod on no network.
  public func addresses(of uid: String) -> [IPAddress] { record(uid)?.addresses.flatMap(\.addresses) ?? [] }

  // MARK: before a pod is made

  /// Finds its networks, keeps its ports and addresses for it. Quick: nothing but records and locks. Returns the text of its hosts file,
  /// as far as addresses are known. After a failure, `detach` undoes what was done.
  public func reserve(_ request: PodNetworkRequest) throws(BerthError) -> String {
    var record = NetworkRecord(uid: request.uid, key: request.key, ports: request.ports.compactMap { PublishedPort($0) }, attachments: [])
    var openPorts = record.ports
    for (at, wanted) in request.networks.enumerated() {
      let interface = "eth\(at)"
      let network = try directory.network(wanted.name)
      if let network {
        // Before anything is written down: where no plugin has run, there is nothing to undo.
        for type in network.pluginTypes { try client.plugins.require(type) }
        let takesPorts = network.has("portMappings")
        record.attachments.append(
          .cni(
            CNIAttachment(
              network, wanted, interface: interface, pod: request.key, uid: request.uid, ports: takesPorts ? openPorts : [],
              dns: request.dns, names: [request.key.name, "\(request.key.name).\(request.key.namespace)"])))
        if takesPorts { openPorts = [] }
      } else if wanted.name == NetworkAttachment.bridge {
        record.attachments.append(
          .bridge(
            NetworkRecord.BridgeAttachment(
              network: wanted.name, interface: interface, addresses: [], mac: wanted.mac.map { BridgeAddresses.mac($0) } ?? [],
              bandwidth: wanted.bandwidth)))
        openPorts = []
      } else {
        throw directory.notFound(wanted.name)
      }
    }
    if let port = openPorts.first {
      throw BerthError(
        .failedPrecondition, "publish port", "\(port)", cause: "none of the pod's networks can: no plugin has the capability portMappings")
    }
    try lockPorts(record)
    if let wanted = request.networks.first(where: { $0.name == record.bridge?.network }) { try reserveOwn(&record, wanted) }
    try state.withLock { (state) throws(BerthError) in try state.records.put(record) }
    return announce(record, request)
  }

  /// The addresses are files before they are in the record, and both are before they are used.
  private func reserveOwn(_ record: inout NetworkRecord, _ wanted: NetworkAttachment) throws(BerthError) {
    let own = try ownNetwork()
    for (at, attachment) in record.attachments.enumerated() {
      guard case .bridge(var bridge) = attachment else { continue }
      let fixed = wanted.addresses.compactMap { IPAddress($0) }
      for subnet in own.bridge.configuration.subnets {
        let address = fixed.first { $0.isIPv6 == subnet.isIPv6 }
        bridge.addresses.append(try own.pool.claim(address, in: subnet, for: record.uid, interface: bridge.interface))
      }
      if let missing = fixed.first(where: { !bridge.addresses.contains($0) }) {
        throw BerthError(.failedPrecondition, "reserve address", "\(missing)", cause: "the network has no subnet of its family")
      }
      if bridge.mac.isEmpty { bridge.mac = BridgeAddresses.mac(of: bridge.addresses.first { !$0.isIPv6 } ?? bridge.addresses.first) }
      record.attachments[at] = .bridge(bridge)
    }
  }

  /// A pod that an earlier daemon reserved for.
  public func announce(_ request: PodNetworkRequest) {
    if let record = record(request.uid) { _ = announce(record, request) }
  }

  /// Whether the pod's name leads to this instance of it. Nothing for one that is on no network.
  public func setServing(_ uid: String, _ isServing: Bool) {
    if record(uid) != nil { names.setServing(uid, isServing) }
  }

  private func announce(_ record: NetworkRecord, _ request: PodNetworkRequest) -> String {
    names.put(
      PodNames.Member(
        key: request.key, hostname: request.hostname, addresses: Dictionary(record.addresses.map { ($0.network, $0.addresses) }) { $1 },
        path: request.hostsPath, base: request.hostsBase, isServing: request.isServing), uid: request.uid)
    return names.text(of: request.uid) ?? request.hostsBase
  }

  // MARK: ports of the node

  /// Nobody else listens on them from now on, and nobody does.
  private func lockPorts(_ record: NetworkRecord) throws(BerthError) {
    guard !record.ports.isEmpty else { return }
    try state.withLock { (state) throws(BerthError) in
      guard state.locks[record.uid] == nil else { return }
      var locks: [PortLock] = []
      for port in record.ports {
        do throws(Errno) { locks.append(try PortLock(port.transport.lock, port.host, on: port.hostAddress)) } catch {
          // A kernel without SCTP has nobody who could listen.
          if port.transport == .sctp, error == .protocolNotSupported { continue }
          throw BerthError(.failedPrecondition, "publish port", "\(port)", cause: Self.reason(error, port, state, not: record.uid))
        }
      }
      state.locks[record.uid] = locks
    }
  }

  private static func reason(_ error: Errno, _ port: PublishedPort, _ state: State, not uid: String) -> String {
    guard error == .addressInUse else { return "\(error)" }
    let owner = state.records.all.values.first { record in
      record.uid != uid && record.ports.contains { $0.host == port.host && $0.transport == port.transport }
    }
    if let owner { return "pod \(owner.key) has it" }
    let program = ListeningSocket.Transport(rawValue: port.transport.rawValue).flatMap {
      NodePorts().holder($0, port.host, on: port.hostAddress)
    }
    return program.map { "\($0) listens on it" } ?? "a program on the node listens on it (ss -lnp shows which)"
  }

  // MARK: Berth's own network

  func ownNetwork() throws(BerthError) -> OwnNetwork {
    try own.withLock { (own) throws(BerthError) in
      if let own { return own }
      let configuration = try OwnConfiguration(options).read()
      let made = OwnNetwork(
        bridge: BridgeNetwork(configuration, table: "berth_\(options.instance)", nft: options.nft),
        pool: try AddressPool(directory: "\(options.state)/networks/\(configuration.name)"), thread: NetworkThread())
      own = made
      return made
    }
  }
}
