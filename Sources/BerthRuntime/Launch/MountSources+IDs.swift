import BerthCore
import BerthLinux
import BerthOCI

extension MountSources {
  /// Of the container's user namespace, made or joined; nil: it has none of its own.
  static func idMaps(
    _ spec: RuntimeSpec, _ namespaces: [RuntimeSpec.NamespaceKind: Int32]
  ) throws(BerthError) -> IDMaps? {
    let linux = spec.linux ?? RuntimeSpec.Linux()
    guard let user = linux.namespaces.first(where: { $0.type == .user }) else {
      guard linux.uidMappings.isEmpty, linux.gidMappings.isEmpty else {
        throw failure("linux.uidMappings", "without a user namespace there is nothing to map")
      }
      return nil
    }
    if user.path == nil || !linux.uidMappings.isEmpty || !linux.gidMappings.isEmpty {
      try check(linux.uidMappings, "linux.uidMappings", needsRoot: true)
      try check(linux.gidMappings, "linux.gidMappings", needsRoot: true)
      return IDMaps(uids: linux.uidMappings, gids: linux.gidMappings)
    }
    return try read(user.path ?? "", namespaces[.user] ?? -1)
  }

  private static func read(_ path: String, _ namespace: Int32) throws(BerthError) -> IDMaps {
    let texts: (uids: String, gids: String)
    do throws(Errno) { texts = try UserNamespaces.maps(of: try Descriptors.duplicate(namespace)) } catch {
      throw BerthError(.failedPrecondition, "read maps of user namespace", path, cause: error.description)
    }
    guard let uids = IDMaps.mappings(texts.uids), let gids = IDMaps.mappings(texts.gids), !uids.isEmpty, !gids.isEmpty else {
      throw BerthError(.failedPrecondition, "read maps of user namespace", path, cause: "no ids are mapped")
    }
    return IDMaps(uids: uids, gids: gids)
  }

  /// What the kernel would refuse without a word about why.
  static func check(_ mappings: [RuntimeSpec.IDMapping], _ field: String, needsRoot: Bool) throws(BerthError) {
    guard !mappings.isEmpty else { throw failure(field, "is missing") }
    guard mappings.count <= 340 else { throw failure(field, "has more than 340 mappings") }
    for (at, mapping) in mappings.enumerated() {
      let inside = mapping.containerID.addingReportingOverflow(mapping.size)
      let outside = mapping.hostID.addingReportingOverflow(mapping.size)
      guard mapping.size > 0, !inside.overflow, !outside.overflow else {
        throw failure("\(field)[\(at)]", "\(mapping.size) ids from there are not between 0 and 4294967295")
      }
    }
    if needsRoot, !mappings.contains(where: { $0.containerID == 0 }) { throw failure(field, "maps no id 0, which sets the container up") }
  }

  static func failure(_ field: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "plan", field, cause: cause)
  }
}
