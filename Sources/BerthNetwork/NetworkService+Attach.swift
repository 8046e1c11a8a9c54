import BerthCore
import BerthLinux

extension NetworkService {
  /// Makes the interfaces of a pod that was reserved for, in the order of its networks. `process` lives in the pod's network namespace.
  /// `again`: an earlier daemon may have begun.
  public func attach(_ uid: String, process: ProcessIdentity, again: Bool = false) async throws(BerthError) -> PodNetworkResult {
    guard var record = record(uid) else { throw BerthError(.bug, "attach pod to networks", uid, cause: "it was not reserved for") }
    for (at, attachment) in record.attachments.enumerated() {
      switch attachment {
      case .bridge(let bridge): try await attach(bridge, record, process)
      case .cni(var cni):
        if again { try await delete(cni, record, process) }
        cni.result = try await add(cni, record, process)
        record.attachments[at] = .cni(cni)
        let current = record
        try state.withLock { (state) throws(BerthError) in try state.records.put(current) }
      }
    }
    names.update(uid, Dictionary(record.addresses.map { ($0.network, $0.addresses) }) { $1 })
    let results = record.cni.compactMap(\.result)
    return PodNetworkResult(
      addresses: record.addresses.flatMap(\.addresses), nameservers: results.flatMap(\.nameservers), searches: results.flatMap(\.searches))
  }

  /// Undoes everything that was reserved and attached; what is gone already is fine. After a failure the record stays: call it again.
  /// `process`: as for `attach`, nil where nobody is left in the namespace.
  public func detach(_ uid: String, process: ProcessIdentity?) async throws(BerthError) {
    guard let record = record(uid) else { return }
    // No neighbour is to look for it any more, however long the rest takes.
    names.remove(uid)
    var failure: BerthError?
    for attachment in record.attachments.reversed() {
      do throws(BerthError) {
        switch attachment {
        case .bridge: try await detachOwn(record)
        case .cni(let cni): try await delete(cni, record, process)
        }
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    try state.withLock { (state) throws(BerthError) in
      try state.records.remove(uid)
      state.locks[uid] = nil
      state.problems[uid] = nil
    }
  }

  // MARK: Berth's own network

  private func attach(_ bridge: NetworkRecord.BridgeAttachment, _ record: NetworkRecord, _ process: ProcessIdentity)
    async throws(BerthError)
  {
    let own = try ownNetwork()
    let attachment = BridgeNetwork.Attachment(
      uid: record.uid, interface: bridge.interface, addresses: bridge.addresses, mac: bridge.mac, elements: record.elements,
      ingress: bridge.bandwidth.ingress.map { UInt64(clamping: $0.bytes) },
      egress: bridge.bandwidth.egress.map { UInt64(clamping: $0.bytes) })
    try await own.thread.run { () throws(BerthError) in try own.bridge.attach(attachment, process: process) }
  }

  private func detachOwn(_ record: NetworkRecord) async throws(BerthError) {
    let own = try ownNetwork()
    try await own.thread.run { () throws(BerthError) in try own.bridge.detach(record.uid, record.elements) }
    // Last: nobody gets the address while the old interface may still answer for it.
    try own.pool.release(record.uid)
  }

  // MARK: CNI

  private func add(_ cni: CNIAttachment, _ record: NetworkRecord, _ process: ProcessIdentity) async throws(BerthError) -> CNIResult {
    let result = try await blocking { [client] () throws(BerthError) in
      try Self.inNamespace(of: process) { (path) throws(BerthError) in try client.add(cni, containerID: record.uid, namespace: path) }
    }
    if let problem = cni.unmet(by: result) {
      throw BerthError(.failedPrecondition, "attach pod to network", cni.network.name, cause: problem)
    }
    return result
  }

  private func delete(_ cni: CNIAttachment, _ record: NetworkRecord, _ process: ProcessIdentity?) async throws(BerthError) {
    try await blocking { [client] () throws(BerthError) in
      guard let process, process.isAlive else { return try client.delete(cni, containerID: record.uid, namespace: nil) }
      try Self.inNamespace(of: process) { (path) throws(BerthError) in try client.delete(cni, containerID: record.uid, namespace: path) }
    }
  }

  /// The path leads through this daemon's own descriptor, so that it can't come to mean a stranger's namespace while plugins use it.
  static func inNamespace<Value>(of process: ProcessIdentity, _ body: (String) throws(BerthError) -> Value) throws(BerthError) -> Value {
    let namespace: NetworkNamespace
    do throws(Errno) { namespace = try NetworkNamespace(of: process) } catch {
      throw BerthError(.unavailable, "open pod's network namespace", "\(process.pid)", cause: "\(error)")
    }
    let value = try body("/proc/\(ProcessControl.pid)/fd/\(namespace.file.raw)")
    // Open up to here.
    _ = consume namespace
    return value
  }

  /// On a thread of its own: a plugin may take a minute, and nobody else is to wait for it.
  func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws(BerthError) -> Value) async throws(BerthError) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, BerthError>, Never>) in
      Threads.start("berth-cni") {
        do throws(BerthError) { continuation.resume(returning: .success(try body())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
