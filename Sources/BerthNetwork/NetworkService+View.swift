import BerthCore
import BerthLinux
import BerthManifest

extension NetworkService {
  /// Every network that a pod can be on, by name: `name`, `kind` (`berth` or `cni`), `subnets`, `pods`. Reads files: blocks.
  public func list() -> [JSON] {
    let (cni, _) = directory.read()
    var list = cni.map { view($0.name, kind: "cni", subnets: []) }
    if !cni.contains(where: { $0.name == NetworkAttachment.bridge }) {
      list.append(view(NetworkAttachment.bridge, kind: "berth", subnets: configuredSubnets))
    }
    return list.sorted { ($0["name"]?.string ?? "") < ($1["name"]?.string ?? "") }
  }

  /// One of them with its configuration and, of each pod on it, addresses, ports and what its plugins said. Throws `notFound`.
  public func inspect(_ name: String) throws(BerthError) -> JSON {
    let found = try directory.network(name)
    guard found != nil || name == NetworkAttachment.bridge else {
      var error = directory.notFound(name)
      error.code = .notFound
      throw error
    }
    var json = view(name, kind: found == nil ? "berth" : "cni", subnets: found == nil ? configuredSubnets : []).object ?? [:]
    json["configuration"] = found?.json ?? OwnConfiguration(options).kept?.conflist(dataDirectory: "\(options.state)/networks") ?? .null
    json["pods"] = .array(members(of: name).map { record in member(record, name) })
    return .object(json)
  }

  private var configuredSubnets: [IPPrefix] { OwnConfiguration(options).kept?.subnets ?? options.subnets }

  private func members(of name: String) -> [NetworkRecord] {
    state.withLock { $0.records.all.values.filter { $0.addresses.contains { $0.network == name } } }.sorted { $0.key < $1.key }
  }

  private func view(_ name: String, kind: String, subnets: [IPPrefix]) -> JSON {
    [
      "name": .string(name), "kind": .string(kind), "default": .bool(options.standard == PodNetwork(word: name)),
      "subnets": .strings(subnets.map { "\($0)" }), "pods": .strings(members(of: name).map { "\($0.key)" }),
    ]
  }

  private func member(_ record: NetworkRecord, _ name: String) -> JSON {
    let result = record.cni.first { $0.network.name == name }?.result
    return [
      "namespace": .string(record.key.namespace), "name": .string(record.key.name), "uid": .string(record.uid),
      "ips": .strings(record.addresses.filter { $0.network == name }.flatMap(\.addresses).map { "\($0)" }),
      "ports": .array(record.ports.map(\.portMapping)), "cni_result": result?.json ?? .null,
      "problem": .optional(state.withLock { $0.problems[record.uid] }),
    ]
  }
}
