import BerthCore
import BerthLinux
import BerthManifest
import BerthNetwork
import BerthRuntime

extension Pod {
  /// Takes what the pod needs of its networks for it and writes its hosts file and the like. Before the sandbox is set up.
  func reserveNetworks() throws(BerthError) {
    let files = EtcFiles(spec: record.spec, network: record.network)
    var hosts = files.hosts
    if let request = networkRequest(files) { hosts = try context.networks.reserve(request) }
    try files.write(hosts: hosts, to: paths.etc)
  }

  /// Begins to attach the pod, beside the preparation of its containers; `networkReady` waits for it. Nothing for a pod on no network.
  func attachNetworks(after sandbox: ShimAnswer?, again: Bool = false) {
    guard case .attached = record.network else { return }
    attaching = Task { [uid, context, paths, spec = record.spec, network = record.network] in
      do throws(BerthError) {
        _ = try await sandbox?.value()
        guard let shim = try PodFacts.read(paths.state).shim else {
          throw BerthError(.unavailable, "attach pod to networks", uid, cause: "its shim is gone")
        }
        let result = try await context.networks.attach(uid, process: shim, again: again)
        if spec.dns == nil, !result.nameservers.isEmpty {
          let files = EtcFiles(spec: spec, network: network)
          try files.write(resolv: files.resolv(nameservers: result.nameservers, searches: result.searches), to: paths.etc)
        }
        return .success(())
      } catch { return .failure(error) }
    }
  }

  /// Once the pod is on its networks. Throws what keeps it from being: no container can run in it then.
  func networkReady() async throws(BerthError) {
    if let attaching { try await attaching.value.get() }
  }

  /// An incarnation that an earlier daemon made: its names are kept current.
  func announceNetworks() {
    if let request = networkRequest(EtcFiles(spec: record.spec, network: record.network)) { context.networks.announce(request) }
  }

  /// Before the shim ends: plugins are given the pod's namespace where it still is.
  func detachNetworks() async throws(BerthError) {
    // One that is under way must not make anew what is taken away here.
    _ = await attaching?.value
    attaching = nil
    let shim = try PodFacts.read(paths.state).shim
    try await context.networks.detach(uid, process: shim.flatMap { $0.isAlive ? $0 : nil })
  }

  private func networkRequest(_ files: EtcFiles) -> PodNetworkRequest? {
    guard case .attached(let networks) = record.network else { return nil }
    var request = PodNetworkRequest(
      uid: uid, key: key, hostname: record.spec.hostname, networks: networks, ports: record.spec.allContainers.flatMap(\.ports),
      dns: record.spec.dns, hostsPath: "\(paths.etc)/hosts", hostsBase: files.hosts)
    request.isServing = record.successorTo == nil && !record.isBeingRemoved && !record.isEarlierRun
    return request
  }
}
