import BerthCore

/// The ids that a user's name or number stands for.
public struct ResolvedUser: Sendable, Hashable {
  public var uid: UInt32
  public var gid: UInt32
  /// Supplementary groups, as /etc/group lists them; the primary one first.
  public var additionalGids: [UInt32]
  /// From /etc/passwd; `/` where it has no entry.
  public var home: String

  public init(uid: UInt32, gid: UInt32, additionalGids: [UInt32], home: String) {
    self.uid = uid
    self.gid = gid
    self.additionalGids = additionalGids
    self.home = home
  }
}

/// Resolves users as image configs and manifests name them. Pure: over the bytes of /etc/passwd and /etc/group, which are hostile.
public enum PasswdLookup {
  /// Bytes of either file that are looked at; a larger file is refused.
  public static let limit = 1 << 20
  /// Supplementary groups that are taken from /etc/group.
  static let groupLimit = 1024

  /// `user` is `""` (root), `uid`, `uid:gid`, `name`, `name:group` or a mix. What looks like a number is one, never a name, and must
  /// fit 32 bits (the last one, which means "none", excepted). A nil file isn't there: numbers work without.
  /// Throws `.invalidArgument`, and `.notFound` for an unknown name.
  public static func resolve(_ user: String, passwd: [UInt8]?, group: [UInt8]?) throws(BerthError) -> ResolvedUser {
    let colon = user.utf8.firstIndex(of: 58)
    let before = String(user[..<(colon ?? user.endIndex)])
    let name = before.isEmpty ? "0" : before
    let entries = try lines(passwd, "passwd", user)
    let entry = try find(name, in: entries, user)
    guard let uid = entry?.uid ?? number(name) else {
      throw BerthError(.notFound, "resolve user", user, cause: "no user \"\(name)\" in the image's /etc/passwd")
    }
    let groups = try lines(group, "group", user)
    var gid = entry?.gid ?? 0
    // An explicit group stands for all of them, as with docker run --user.
    if let colon, user.utf8.index(after: colon) != user.endIndex {
      gid = try groupID(String(user[user.utf8.index(after: colon)...]), in: groups, user)
      return ResolvedUser(uid: uid, gid: gid, additionalGids: [gid], home: entry?.home ?? "/")
    }
    var additional = [gid]
    for fields in groups where fields.count >= 4 && additional.count < groupLimit {
      guard let entry, let id = number(fields[2]), !additional.contains(id) else { continue }
      if fields[3].split(separator: ",").contains(Substring(entry.name)) { additional.append(id) }
    }
    return ResolvedUser(uid: uid, gid: gid, additionalGids: additional, home: entry?.home ?? "/")
  }

  private struct Entry {
    var name: String
    var uid: UInt32
    var gid: UInt32
    var home: String
  }

  /// nil: a number without an entry.
  private static func find(_ name: String, in lines: Lines, _ user: String) throws(BerthError) -> Entry? {
    if looksNumeric(name), number(name) == nil { throw outOfRange(name, user) }
    let wanted = number(name)
    for fields in lines where fields.count >= 4 {
      guard let uid = number(fields[2]), let gid = number(fields[3]), wanted.map({ $0 == uid }) ?? (fields[0] == name) else { continue }
      let home = fields.count >= 6 && fields[5].hasPrefix("/") ? fields[5] : "/"
      return Entry(name: fields[0], uid: uid, gid: gid, home: home)
    }
    return nil
  }

  private static func groupID(_ name: String, in lines: Lines, _ user: String) throws(BerthError) -> UInt32 {
    if looksNumeric(name) {
      guard let gid = number(name) else { throw outOfRange(name, user) }
      return gid
    }
    for fields in lines where fields.count >= 3 && fields[0] == name {
      if let gid = number(fields[2]) { return gid }
    }
    throw BerthError(.notFound, "resolve user", user, cause: "no group \"\(name)\" in the image's /etc/group")
  }

  private static func outOfRange(_ name: String, _ user: String) -> BerthError {
    BerthError(.invalidArgument, "resolve user", user, cause: "\"\(name)\" is no id from 0 to 4294967294")
  }

  /// A sign counts: no name begins with one, and `-1` must not become one.
  private static func looksNumeric(_ text: String) -> Bool {
    let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : Substring(text)
    return digits.utf8.allSatisfy { (48...57).contains($0) }
  }

  private static func number(_ text: String) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt32(text), number != .max else { return nil }
    return number
  }

  private static func lines(_ bytes: [UInt8]?, _ file: String, _ user: String) throws(BerthError) -> Lines {
    let bytes = bytes ?? []
    guard bytes.count <= limit else {
      throw BerthError(.invalidArgument, "resolve user", user, cause: "the image's /etc/\(file) is larger than \(limit) bytes")
    }
    return Lines(rest: bytes[...])
  }

  /// The fields of each line that isn't a comment, read no further than somebody looks: root is most often the first.
  private struct Lines: Sequence, IteratorProtocol {
    var rest: ArraySlice<UInt8>

    mutating func next() -> [String]? {
      while var line = rest.popField(10) {
        if line.isEmpty || line.first == 35 || line.contains(0) { continue }
        // What stands behind the last colon is a field too.
        let endsOpen = line.last == 58
        var fields: [String] = []
        while let field = line.popField(58) { fields.append(String(decoding: field, as: UTF8.self)) }
        return endsOpen ? fields + [""] : fields
      }
      return nil
    }
  }
}
