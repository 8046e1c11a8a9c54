import BerthCore

/// The ids that a user's name or number stands for.
public struct ResolvedUser: Sendable, Hashable {
  public var uid: UInt32
  public var gid: UInt32
  /// Supplementary groups, the primary one not among them unless /etc/group lists the user there.
  public var additionalGids: [UInt32]
  /// From /etc/passwd; `/` where it has no entry.
  public var home: String
}

/// Resolves users as image configs and manifests name them. Pure: over the bytes of /etc/passwd and /etc/group, which are hostile.
public enum PasswdLookup {
  /// Bytes of either file that are looked at.
  public static let limit = 1 << 20

  /// `user` is `""` (root), `uid`, `uid:gid`, `name`, `name:group` or a mix. What looks like a number is one, never a name, and must
  /// fit 32 bits. A nil file isn't there: numbers work without. Throws `.invalidArgument`, `.notFound` for an unknown name.
  public static func resolve(_ user: String, passwd: [UInt8]?, group: [UInt8]?) throws(BerthError) -> ResolvedUser {
    throw BerthError(.unsupported, "resolve user", user, cause: "not built yet")
  }
}
