import BerthCore
import BerthManifest

/// What the networks of a daemon are made with.
public struct NetworkOptions: Sendable {
  /// Tells daemons with different roots apart: 8 hexadecimal digits.
  public var instance: String
  /// Below it: `networks`, what survives a reboot.
  public var root: String
  /// Below it: `networks`, the addresses in use.
  public var state: String
  public var pluginDirectories: [String]
  public var configDirectory: String
  /// Of pods whose manifest names none.
  public var standard: PodNetwork
  /// Of Berth's own network; empty: chosen.
  public var subnets: [IPPrefix]
  /// The program nft(8).
  public var nft = "/usr/sbin/nft"
  /// Of one call of a CNI plugin.
  public var pluginTimeout: Duration = .seconds(60)

  public init(
    instance: String, root: String, state: String, pluginDirectories: [String] = ["/opt/cni/bin", "/usr/lib/cni"],
    configDirectory: String = "/etc/cni/net.d", standard: PodNetwork = .attached([NetworkAttachment(name: NetworkAttachment.bridge)]),
    subnets: [IPPrefix] = []
  ) {
    self.instance = instance
    self.root = root
    self.state = state
    self.pluginDirectories = pluginDirectories
    self.configDirectory = configDirectory
    self.standard = standard
    self.subnets = subnets
  }
}

/// What a pod asks of its networks.
public struct PodNetworkRequest: Sendable {
  public var uid: String
  public var key: PodKey
  public var hostname: String
  /// At least one.
  public var networks: [NetworkAttachment]
  public var ports: [PortSpec]
  public var dns: DNSConfig?
  /// Of its hosts file, and what stands in it before the names.
  public var hostsPath: String
  public var hostsBase: String
  /// Whether its pod's name leads to it; not that of an instance that is to take over, or was taken over from.
  public var isServing = true

  public init(
    uid: String, key: PodKey, hostname: String, networks: [NetworkAttachment], ports: [PortSpec], dns: DNSConfig?, hostsPath: String,
    hostsBase: String
  ) {
    self.uid = uid
    self.key = key
    self.hostname = hostname
    self.networks = networks
    self.ports = ports
    self.dns = dns
    self.hostsPath = hostsPath
    self.hostsBase = hostsBase
  }
}

/// What became of it.
public struct PodNetworkResult: Sendable, Hashable {
  /// Those of the first interface first.
  public var addresses: [IPAddress] = []
  /// What the networks say of names; empty: nothing.
  public var nameservers: [String] = []
  public var searches: [String] = []
}
