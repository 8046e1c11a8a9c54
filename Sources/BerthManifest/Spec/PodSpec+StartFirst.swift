import BerthCore

extension PodSpec {
  /// Why an instance of `new` can't run beside one of this spec (`strategy = "start-first"`), in words; nil where it can. What both want
  /// for themselves alone: ports and addresses of the node's networks, volumes that both write to. `standard`: what the node's default
  /// network is.
  public func startFirstObstacle(to new: PodSpec, standard: PodNetwork = .standard) -> String? {
    func isHost(_ network: PodNetwork) -> Bool { (network == .standard ? standard : network) == .host }
    if isHost(network) && isHost(new.network) { return "both would be on the node's own network" }
    if let port = sharedPort(with: new) { return "port \(port) of the node is published by both" }
    if let address = sharedAddress(with: new) { return "\(address) is given to both" }
    let written = writtenElsewhere
    return new.writtenElsewhere.sorted { $0.key < $1.key }.first { written[$0.key] != nil }.map {
      "volume \($0.value) is written to by both"
    }
  }

  private func sharedPort(with new: PodSpec) -> UInt16? {
    // Without a network of its own a pod publishes nothing.
    guard network != .none, new.network != .none else { return nil }
    let published = allPorts
    return new.allPorts.first { port in
      published.contains { $0.host == port.host && $0.transport == port.transport && $0.isOnAddress(of: port) }
    }?.host
  }

  private var allPorts: [PortSpec] { (initContainers + containers).flatMap(\.ports).filter { $0.host != nil } }

  private func sharedAddress(with new: PodSpec) -> String? {
    guard case .attached(let old) = network, case .attached(let next) = new.network else { return nil }
    let taken = Set(old.flatMap { attachment in attachment.fixed.map { [attachment.name, $0] } })
    return next.lazy.flatMap { attachment in attachment.fixed.map { [attachment.name, $0] } }.first { taken.contains($0) }?.last
  }

  /// Places that outlive the pod and that a container of it can write to: place → volume.
  private var writtenElsewhere: [String: String] {
    var places: [String: String] = [:]
    for mount in (initContainers + containers).flatMap(\.mounts) where !mount.readOnly {
      guard let volume = volumes.first(where: { $0.name == mount.volume }) else { continue }
      switch volume.source {
      case .persistent(let shared): places[shared.map { "persistent:/\($0)" } ?? "persistent:\(volume.name)"] = volume.name
      case .hostPath(_, .socket), .hostPath(_, .charDevice), .hostPath(_, .blockDevice): break
      case .hostPath(let path, _): places["path:\(path)"] = volume.name
      case .emptyDir, .config, .secret, .image: break
      }
    }
    return places
  }
}

extension NetworkAttachment {
  fileprivate var fixed: [String] { addresses + (mac.map { [$0] } ?? []) }
}

extension PortSpec {
  fileprivate func isOnAddress(of other: PortSpec) -> Bool {
    isOnEveryAddress || other.isOnEveryAddress || hostIP == other.hostIP
  }

  private var isOnEveryAddress: Bool { hostIP.map { $0 == "0.0.0.0" || $0 == "::" } ?? true }
}
