/// A path that files are copied from or to, as its user wrote it.
public struct CopyPath: Sendable, Hashable {
  /// Without slashes at its end; `/` for the root.
  public let text: String
  /// What lies above the last component; `.` for a relative path of one.
  public let parent: String
  /// The last component: what a copy is called. `.` where that is no name of its own.
  public let name: String
  /// Whether only a directory can be meant: it ends with a slash, `.` or `..`.
  public let isDirectory: Bool

  public init(_ path: String) {
    let bytes = Array(path.utf8)
    let trimmed = bytes.lastIndex { $0 != UInt8(ascii: "/") }.map { bytes[...$0] } ?? []
    let slash = trimmed.lastIndex(of: UInt8(ascii: "/"))
    let last = String(decoding: trimmed[(slash.map { $0 + 1 } ?? 0)...], as: UTF8.self)
    let hasName = !last.isEmpty && last != "." && last != ".."
    text = trimmed.isEmpty ? (bytes.isEmpty ? "." : "/") : String(decoding: trimmed, as: UTF8.self)
    name = hasName ? last : "."
    isDirectory = !hasName || bytes.count > trimmed.count
    if let slash { parent = slash == 0 ? "/" : String(decoding: trimmed[..<slash], as: UTF8.self) } else { parent = "." }
  }
}
