import BerthCore

/// `"volume:/path[:ro]"`.
enum MountText {
  static func parse(_ text: String) -> MountSpec? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), DNSLabel.isValid(parts[0]), TextFormat.containerPathProblem(String(parts[1])) == nil else {
      return nil
    }
    var mount = MountSpec(volume: String(parts[0]), path: String(parts[1]))
    if parts.count == 3 {
      guard parts[2] == "ro" || parts[2] == "rw" else { return nil }
      mount.readOnly = parts[2] == "ro"
    }
    return mount
  }

  static func problem(in text: String) -> String? {
    parse(text) == nil ? "must be \"volume:/path\" or \"volume:/path:ro\", the path absolute and without '..'" : nil
  }
}
