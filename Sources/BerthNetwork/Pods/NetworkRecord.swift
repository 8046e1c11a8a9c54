import BerthCore
import BerthLinux
import BerthManifest

/// What was done, or was about to be done, to put a pod on its networks: `ROOT/networks/pods/UID.json`, written before any of it and
/// removed after all of it is undone. Below the root and not the state folder: what CNI plugins keep survives a reboot too.
struct NetworkRecord: Sendable, Hashable {
  var uid: String
  var key: PodKey
  var ports: [PublishedPort]
  /// In the order of the interfaces.
  var attachments: [Attachment]

  enum Attachment: Sendable, Hashable {
    case bridge(BridgeAttachment)
    case cni(CNIAttachment)
  }

  /// The pod's part in Berth's own network.
  struct BridgeAttachment: Sendable, Hashable {
    var network: String
    var interface: String
    var addresses: [IPAddress]
    var mac: [UInt8]
    var bandwidth: NetworkAttachment.Bandwidth
  }

  var bridge: BridgeAttachment? {
    for case .bridge(let attachment) in attachments { return attachment }
    return nil
  }

  var cni: [CNIAttachment] {
    attachments.compactMap { if case .cni(let attachment) = $0 { attachment } else { nil } }
  }

  /// Addresses by network, those of the first interface first.
  var addresses: [(network: String, addresses: [IPAddress])] {
    attachments.map { attachment in
      switch attachment {
      case .bridge(let bridge): (bridge.network, bridge.addresses)
      case .cni(let cni): (cni.network.name, cni.result?.addresses.map(\.address) ?? [])
      }
    }
  }

  /// The ports that lead to the pod's address in Berth's own network.
  var elements: [PortElement] { bridge.map { bridge in ports.flatMap { $0.elements(to: bridge.addresses) } } ?? [] }
}

extension NetworkRecord {
  var json: JSON {
    [
      "version": 1, "uid": .string(uid), "namespace": .string(key.namespace), "name": .string(key.name),
      "ports": .array(ports.map(\.portMapping)), "attachments": .array(attachments.map(\.json)),
    ]
  }

  init?(json: JSON) {
    guard let uid = json["uid"]?.string, let namespace = json["namespace"]?.string, let name = json["name"]?.string,
      let attachments = json["attachments"]?.array
    else { return nil }
    self.init(
      uid: uid, key: PodKey(namespace: namespace, name: name),
      ports: (json["ports"]?.array ?? []).compactMap { PublishedPort(portMapping: $0) },
      attachments: attachments.compactMap { Attachment(json: $0) })
  }
}

extension NetworkRecord.Attachment {
  var json: JSON {
    switch self {
    case .bridge(let bridge):
      [
        "bridge": [
          "network": .string(bridge.network), "interface": .string(bridge.interface),
          "addresses": .strings(bridge.addresses.map { "\($0)" }), "mac": .string(BridgeAddresses.text(bridge.mac)),
          "ingress": .optional(bridge.bandwidth.ingress?.bytes), "egress": .optional(bridge.bandwidth.egress?.bytes),
        ]
      ]
    case .cni(let attachment): ["cni": attachment.json]
    }
  }

  init?(json: JSON) {
    if let cni = json["cni"] {
      guard let attachment = CNIAttachment(json: cni) else { return nil }
      self = .cni(attachment)
      return
    }
    guard let bridge = json["bridge"], let network = bridge["network"]?.string, let interface = bridge["interface"]?.string else {
      return nil
    }
    func size(_ key: String) -> ByteSize? { bridge[key]?.integer.map { ByteSize(bytes: $0) } }
    self = .bridge(
      NetworkRecord.BridgeAttachment(
        network: network, interface: interface,
        addresses: (bridge["addresses"]?.array ?? []).compactMap { $0.string.flatMap { IPAddress($0) } },
        mac: BridgeAddresses.mac(bridge["mac"]?.string ?? ""),
        bandwidth: NetworkAttachment.Bandwidth(ingress: size("ingress"), egress: size("egress"))))
  }
}

/// The records of all pods, in memory and on disk.
struct NetworkRecords: Sendable {
  let directory: String
  private(set) var all: [String: NetworkRecord] = [:]

  /// Reads what earlier daemons left; files that are no records (half-written when the power went) go. The folder is made.
  init(directory: String) throws(BerthError) {
    self.directory = directory
    do throws(Errno) {
      try Files.makeDirectories(directory)
      for name in try Files.list(directory) where name.hasSuffix(".json") {
        let record = (try? Files.read("\(directory)/\(name)", limit: 4 << 20)).flatMap { try? JSON(parsing: $0) }.flatMap {
          NetworkRecord(json: $0)
        }
        if let record { all[record.uid] = record } else { try Files.unlink("\(directory)/\(name)") }
      }
    } catch { throw BerthError(.unavailable, "read network records", directory, cause: "\(error)") }
  }

  private func path(_ uid: String) -> String { "\(directory)/\(uid).json" }

  mutating func put(_ record: NetworkRecord) throws(BerthError) {
    do throws(Errno) {
      // A new file is written in place: until it is whole, nothing that it speaks of is done.
      if all[record.uid] == nil {
        try Files.rewrite(record.json.encoded(), to: path(record.uid))
      } else {
        try Files.writeAtomically(record.json.encoded(), to: path(record.uid))
      }
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write network record", path(record.uid), cause: "\(error)")
    }
    all[record.uid] = record
  }

  mutating func remove(_ uid: String) throws(BerthError) {
    do throws(Errno) { try Files.unlink(path(uid)) } catch {
      throw BerthError(.unavailable, "remove network record", path(uid), cause: "\(error)")
    }
    all[uid] = nil
  }
}
