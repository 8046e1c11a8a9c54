/// A device that a container gets.
public enum DeviceSpec: Hashable, Sendable {
  /// A node, or every node below a directory, of the node's /dev.
  case node(host: String, container: String, permissions: String)
  /// A name of the Container Device Interface: `vendor.com/class=name`.
  case cdi(String)
}

extension DeviceSpec {
  static let allPermissions = "rwm"

  /// nil for what is neither a path below /dev nor a CDI name.
  static func parse(_ text: String) -> DeviceSpec? {
    if isDevicePath(text) { return .node(host: text, container: text, permissions: allPermissions) }
    return isCDIName(text) ? .cdi(text) : nil
  }

  static func isDevicePath(_ text: String) -> Bool {
    text.hasPrefix("/dev/") && text.utf8.count > 5 && TextFormat.containerPathProblem(text) == nil
  }

  /// Source: the CDI specification, "CDI JSON Specification": vendor and class begin with a letter and end with a letter or digit, a
  /// device's name begins and ends with one of both.
  static func isCDIName(_ text: String) -> Bool {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let slash = parts[0].firstIndex(of: "/") else { return false }
    let vendor = parts[0][..<slash]
    let kind = parts[0][parts[0].index(after: slash)...]
    return isWord(vendor, "-_.", beginsWithLetter: true) && isWord(kind, "-_", beginsWithLetter: true)
      && isWord(parts[1], "-_.:", beginsWithLetter: false)
  }

  private static func isWord(_ text: Substring, _ others: String, beginsWithLetter: Bool) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
    func isEnd(_ byte: UInt8) -> Bool { isLetter(byte) || TOMLScanner.isDigit(byte) }
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 253 else { return false }
    return (beginsWithLetter ? isLetter(first) : isEnd(first)) && isEnd(last)
      && text.utf8.allSatisfy { isEnd($0) || others.utf8.contains($0) }
  }
}
