import BerthCore
import BerthLinux

extension NetworkService {
  /// CHECK of every CNI network of the pods whose shims these are, beside everything else: somebody may have taken an interface or a rule
  /// away while no daemon ran. `report` gets what isn't as it was made; `inspect` shows it with the pod. Nothing is mended: a pod that runs
  /// is left alone.
  public func check(_ shims: [String: ProcessIdentity], report: @escaping @Sendable (BerthError) -> Void) {
    let records = state.withLock { $0.records.all.filter { shims[$0.key] != nil && !$0.value.cni.isEmpty } }
    guard !records.isEmpty else { return }
    Task { [weak self] in
      for (uid, record) in records {
        guard let self, let shim = shims[uid] else { return }
        for attachment in record.cni {
          do throws(BerthError) { try await self.check(attachment, uid, shim) } catch {
            // Its pod may have gone meanwhile.
            guard self.record(uid) != nil, shim.isAlive else { continue }
            self.state.withLock { $0.problems[uid] = error.description }
            report(error)
          }
        }
      }
    }
  }

  private func check(_ attachment: CNIAttachment, _ uid: String, _ shim: ProcessIdentity) async throws(BerthError) {
    try await blocking { [client] () throws(BerthError) in
      try Self.inNamespace(of: shim) { (path) throws(BerthError) in
        try client.check(attachment, containerID: uid, namespace: path)
      }
    }
  }
}
