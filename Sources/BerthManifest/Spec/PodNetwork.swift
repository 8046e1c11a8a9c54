import BerthCore

/// Which networks a pod is on.
public enum PodNetwork: Hashable, Sendable {
  /// The manifest names none: what `[network] default` of the node says, `bridge` without it.
  case standard
  /// The node's own network namespace.
  case host
  /// A namespace of its own with nothing but loopback.
  case none
  /// A namespace of its own with one interface (`eth0`, `eth1`, …) for each, at least one. No name occurs twice.
  case attached([NetworkAttachment])

  /// As a manifest or config.toml writes one word.
  public init(word: String) {
    switch word {
    case "host": self = .host
    case "none": self = .none
    default: self = .attached([NetworkAttachment(name: word)])
    }
  }
}

/// One interface of a pod.
public struct NetworkAttachment: Hashable, Sendable {
  /// The network every pod is on that asks for nothing else.
  public static let bridge = "bridge"

  /// `bridge`, or a CNI network's.
  public var name: String
  /// At most one of each family; empty: the network chooses.
  public var addresses: [String] = []
  /// `02:00:00:aa:bb:cc`, lower case.
  public var mac: String?
  public var bandwidth = Bandwidth()
  public init(name: String) { self.name = name }

  /// In bytes a second; nil is unlimited.
  public struct Bandwidth: Hashable, Sendable {
    /// Into the pod.
    public var ingress: ByteSize?
    /// Out of the pod.
    public var egress: ByteSize?
    public init(ingress: ByteSize? = nil, egress: ByteSize? = nil) {
      self.ingress = ingress
      self.egress = egress
    }
    public var isEmpty: Bool { ingress == nil && egress == nil }
  }
}

extension PodNetwork {
  /// As records keep it.
  public var json: JSON {
    switch self {
    case .standard: "default"
    case .host: "host"
    case .none: "none"
    case .attached(let list): .array(list.map(\.json))
    }
  }

  /// nil for what no version wrote.
  public init?(json: JSON) {
    switch json {
    case "default": self = .standard
    case "host": self = .host
    case "none": self = .none
    case .array(let items):
      let list = items.compactMap { NetworkAttachment(json: $0) }
      guard !list.isEmpty, list.count == items.count else { return nil }
      self = .attached(list)
    default: return nil
    }
  }
}

extension NetworkAttachment {
  var json: JSON {
    [
      "name": .string(name), "ip": .strings(addresses), "mac": .optional(mac),
      "bandwidth": ["ingress": .optionalSize(bandwidth.ingress), "egress": .optionalSize(bandwidth.egress)],
    ]
  }

  init?(json: JSON) {
    guard let name = json["name"]?.string else { return nil }
    self.init(name: name)
    addresses = json["ip"].flatMap(SpecReader.strings) ?? []
    mac = json["mac"]?.string
    bandwidth.ingress = json["bandwidth"]?["ingress"].flatMap(SpecReader.size)
    bandwidth.egress = json["bandwidth"]?["egress"].flatMap(SpecReader.size)
  }
}
