import BerthCore
import BerthManifest
import BerthOCI

extension Pod {
  /// How the pod's ids lie on the node's; nil: they are the node's.
  var idMaps: IDMaps? {
    switch record.spec.userNamespace {
    case .none: return nil
    case .mapped(let uids, let gids): return IDMaps(uids: uids.map(\.mapping), gids: gids.map(\.mapping))
    case .auto:
      guard let first = record.idRange else { return nil }
      let mapping = RuntimeSpec.IDMapping(containerID: 0, hostID: first, size: IDRangeClaims.size)
      return IDMaps(uids: [mapping], gids: [mapping])
    }
  }

  /// Before anything is made that belongs to them.
  func claimIDs() throws(BerthError) {
    guard record.spec.userNamespace == .auto else { return }
    record.idRange = try context.idRanges.claim(for: uid)
    try save()
  }
}

extension IDRange {
  fileprivate var mapping: RuntimeSpec.IDMapping { .init(containerID: container, hostID: host, size: size) }
}
