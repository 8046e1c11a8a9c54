/// Paths as text, without asking a file system. Not for anything below a root that somebody else controls.
public enum LexicalPath {
  /// `path` seen from `folder`: absolute paths stay as they are.
  public static func resolve(_ path: String, from folder: String) -> String {
    path.utf8.first == UInt8(ascii: "/") ? path : normalize(folder + "/" + path)
  }

  /// Without `.`, empty components and, as far as it goes, `..`; `.` if nothing is left of a relative path.
  public static func normalize(_ path: String) -> String {
    let isAbsolute = path.utf8.first == UInt8(ascii: "/")
    var parts: [Substring.UTF8View] = []
    for part in path[...].utf8.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      let isParent = part.elementsEqual("..".utf8)
      if isParent, let last = parts.last, !last.elementsEqual("..".utf8) {
        parts.removeLast()
      } else if !isParent || !isAbsolute {
        parts.append(part)
      }
    }
    let text = parts.map { String(Substring($0)) }.joined(separator: "/")
    return isAbsolute ? "/" + text : text.isEmpty ? "." : text
  }

  /// The folder of a file; `.` where the path has none.
  public static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The last component.
  public static func name(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
  }
}
