import BerthCore

/// An image as a manifest names it, taken apart as far as the manifest needs: local or not, and the default pull policy.
/// Source: distribution-spec "Pulling manifests" for names and tags; github.com/distribution/reference for the grammar.
struct ImageText {
  enum Transport: String, CaseIterable {
    case oci, rootfs
    case ociArchive = "oci-archive"
    case dockerArchive = "docker-archive"
  }

  let text: String
  /// nil for a reference to a registry.
  let transport: Transport?

  init(_ text: String) {
    self.text = text
    transport = Transport.allCases.first { transport in
      let word = transport.rawValue.utf8
      return text.utf8.starts(with: word) && text.utf8.dropFirst(word.count).first == Self.colon
    }
  }

  // Taken apart by bytes: every manifest of a directory is read when a daemon starts, and `Character`s are slow.
  private static let colon = UInt8(ascii: ":")
  private static let slash = UInt8(ascii: "/")
  private static let at = UInt8(ascii: "@")

  /// What stands behind the transport's colon.
  private var location: Substring { transport.map { Substring(text.utf8.dropFirst($0.rawValue.utf8.count + 1)) } ?? Substring(text) }

  /// With a relative path seen from `folder`.
  func resolved(from folder: String) -> String {
    guard let transport, !location.hasPrefix("/") else { return text }
    let hasName = transport == .oci || transport == .dockerArchive
    let end = hasName ? location.utf8.firstIndex(of: Self.colon) ?? location.endIndex : location.endIndex
    return transport.rawValue + ":" + LexicalPath.resolve(String(location[..<end]), from: folder) + location[end...]
  }

  /// As Kubernetes: `always` for `:latest` or no tag; local images are never pulled.
  var defaultPullPolicy: ImagePullPolicy {
    guard transport == nil else { return .never }
    if text.utf8.contains(Self.at) { return .ifNotPresent }
    guard let tag = Self.splitTag(text[...]).tag else { return .always }
    return tag == "latest" ? .always : .ifNotPresent
  }

  /// As `TextFormat.problem`.
  var problem: String? {
    guard !TextFormat.hasControl(text), !text.isEmpty else { return "must be an image reference" }
    guard transport == nil else {
      return location.isEmpty || location.hasPrefix(":") ? "needs a path after '\(transport?.rawValue ?? ""):'" : nil
    }
    return Self.referenceProblem(text)
  }

  private static func referenceProblem(_ text: String) -> String? {
    guard text.utf8.count <= 512 else { return "must be at most 512 bytes" }
    if let scheme = schemes.first(where: { text.hasPrefix($0) }) { return "must be written without '\(scheme)'" }
    let digestMark = text.utf8.firstIndex(of: at)
    if let digestMark, Digest(text[text.utf8.index(after: digestMark)...]) == nil {
      return "must end in '@sha256:' and 64 hexadecimal digits, if it has an '@'"
    }
    let (repository, tag) = splitTag(text[..<(digestMark ?? text.endIndex)])
    if let tag, !isTag(tag.utf8) { return "has no valid tag: up to 128 of a-z, A-Z, 0-9, '_', '.' and '-'" }
    var parts = repository.utf8.split(separator: slash, omittingEmptySubsequences: false)
    if parts.count > 1, let host = parts.first, isHostLike(host) {
      guard isHost(Substring(host)) else { return "has no valid registry name" }
      parts.removeFirst()
    }
    guard parts.allSatisfy(isPathComponent) else {
      return repository.utf8.contains { (65...90).contains($0) }
        ? "must have a repository name in lower case" : "must be an image reference: [registry/]name[:tag][@sha256:…]"
    }
    return nil
  }

  /// Whether `text` is a registry, or a registry with a repository or the beginning of one, as completed references have them.
  static func isScope(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: slash, omittingEmptySubsequences: false)
    guard let host = parts.first, isHostLike(host), isHost(Substring(host)) else { return false }
    // Completed references have neither capitals nor Docker Hub's other name.
    guard !host.contains(where: { (65...90).contains($0) }) else { return false }
    return !host.elementsEqual("index.docker.io".utf8) && parts.dropFirst().allSatisfy(isPathComponent)
  }

  /// As other tools and browsers write them.
  private static let schemes = ["docker://", "https://", "http://"]

  private static func isHostLike(_ part: Substring.UTF8View) -> Bool {
    part.contains { $0 == UInt8(ascii: ".") || $0 == colon } || part.elementsEqual("localhost".utf8)
  }

  /// A colon before the last `/` belongs to a port.
  private static func splitTag(_ text: Substring) -> (repository: Substring, tag: Substring?) {
    let nameStart = text.utf8.lastIndex(of: slash) ?? text.startIndex
    guard let mark = text.utf8[nameStart...].firstIndex(of: colon) else { return (text, nil) }
    return (text[..<mark], text[text.utf8.index(after: mark)...])
  }

  private static func isTag(_ tag: Substring.UTF8View) -> Bool {
    (1...128).contains(tag.count) && tag.first != UInt8(ascii: ".") && tag.first != UInt8(ascii: "-")
      && tag.allSatisfy { TOMLScanner.isBareKey($0) || $0 == UInt8(ascii: ".") }
  }

  static func isHost(_ host: Substring) -> Bool {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      let port = host[host.index(after: end)...]
      return IPAddressText.isIPv6(host[host.index(after: host.startIndex)..<end]) && (port.isEmpty || isPort(port))
    }
    let colon = host.firstIndex(of: ":") ?? host.endIndex
    return TextFormat.isHostname(String(host[..<colon])) && (colon == host.endIndex || isPort(host[colon...]))
  }

  private static func isPort(_ text: Substring) -> Bool {
    guard text.hasPrefix(":"), let port = TextFormat.decimal(text.dropFirst()) else { return false }
    return (1...65535).contains(port)
  }

  /// Lower-case letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
  private static func isPathComponent(_ part: Substring.UTF8View) -> Bool {
    // Of the same kind in a row, up to here.
    var separators = 0
    var last: UInt8?
    for byte in part {
      if (97...122).contains(byte) || TOMLScanner.isDigit(byte) {
        separators = 0
      } else {
        guard let before = last, separators == 0 || before == byte else { return false }
        separators += 1
        let most = byte == UInt8(ascii: ".") ? 1 : byte == UInt8(ascii: "_") ? 2 : byte == UInt8(ascii: "-") ? Int.max : 0
        guard separators <= most else { return false }
      }
      last = byte
    }
    return last != nil && separators == 0
  }
}
