import BerthCore

/// `user` of a container and `owner` of a volume.
enum UserText {
  /// The highest id: 4294967295 is the kernel's "no change".
  static let highest = UInt64(UInt32.max) - 1

  /// What looks like a number is one, and must fit: never a name that an image could map to root.
  static func problem(in text: String) -> String? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return "must be \"user\" or \"user:group\"" }
    for part in parts {
      guard !TextFormat.hasControl(String(part)), !part.contains(where: { $0 == " " || $0 == "/" }) else {
        return "must be numbers or names: no white space, no '/'"
      }
      guard let first = part.utf8.first, TOMLScanner.isDigit(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: "+") else {
        continue
      }
      guard let id = TextFormat.decimal(part), id <= highest else { return "must be numbers from 0 to \(highest), or names" }
    }
    return nil
  }

  static func owner(_ text: String) -> VolumeOwner? {
    let ids = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.isEmpty ? nil : TextFormat.decimal(part).flatMap { $0 <= highest ? UInt32($0) : nil }
    }
    guard ids.count == 2, let uid = ids[0], let gid = ids[1] else { return nil }
    return VolumeOwner(uid: uid, gid: gid)
  }
}
