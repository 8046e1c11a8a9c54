/// How the ids of a user namespace lie on those of the namespace around it. Source: user_namespaces(7).
public struct IDMaps: Sendable, Hashable {
  public var uids: [RuntimeSpec.IDMapping]
  public var gids: [RuntimeSpec.IDMapping]

  public init(uids: [RuntimeSpec.IDMapping], gids: [RuntimeSpec.IDMapping]) {
    self.uids = uids
    self.gids = gids
  }

  /// nil: nothing outside stands for it.
  public func hostUID(_ id: UInt32) -> UInt32? { Self.outside(id, uids) }
  /// As `hostUID`.
  public func hostGID(_ id: UInt32) -> UInt32? { Self.outside(id, gids) }

  private static func outside(_ id: UInt32, _ mappings: [RuntimeSpec.IDMapping]) -> UInt32? {
    for mapping in mappings where id >= mapping.containerID && id - mapping.containerID < mapping.size {
      return UInt32(exactly: UInt64(mapping.hostID) + UInt64(id - mapping.containerID))
    }
    return nil
  }

  /// As /proc/PID/uid_map and gid_map take and show it: a line a mapping.
  public static func text(_ mappings: [RuntimeSpec.IDMapping]) -> String {
    mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
  }

  /// The mappings of such a text; nil for another.
  public static func mappings(_ text: String) -> [RuntimeSpec.IDMapping]? {
    var mappings: [RuntimeSpec.IDMapping] = []
    for line in text.split(separator: "\n") {
      let numbers = line.split(separator: " ").compactMap { UInt32($0) }
      guard numbers.count == 3 else { return nil }
      mappings.append(.init(containerID: numbers[0], hostID: numbers[1], size: numbers[2]))
    }
    return mappings
  }
}
