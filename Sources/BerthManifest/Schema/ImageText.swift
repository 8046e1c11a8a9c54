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
    transport = Transport.allCases.first { text.hasPrefix($0.rawValue + ":") }
  }

  /// What stands behind the transport's colon.
  private var location: Substring { transport.map { text.dropFirst($0.rawValue.utf8.count + 1) } ?? Substring(text) }

  /// With a relative path seen from `folder`.
  func resolved(from folder: String) -> String {
    guard let transport, !location.hasPrefix("/") else { return text }
    let colon = transport == .oci || transport == .dockerArchive ? location.firstIndex(of: ":") ?? location.endIndex : location.endIndex
    return transport.rawValue + ":" + LexicalPath.resolve(String(location[..<colon]), from: folder) + location[colon...]
  }

  /// As Kubernetes: `always` for `:latest` or no tag; local images are never pulled.
  var defaultPullPolicy: ImagePullPolicy {
    guard transport == nil else { return .never }
    if text.contains("@") { return .ifNotPresent }
    guard let tag = Self.splitTag(Substring(text)).tag else { return .always }
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
    let digestParts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    if digestParts.count == 2, Digest(digestParts[1]) == nil { return "must end in '@sha256:' and 64 hexadecimal digits, if it has an '@'" }
    let (repository, tag) = splitTag(digestParts[0])
    if let tag, !isTag(tag) { return "has no valid tag: up to 128 of a-z, A-Z, 0-9, '_', '.' and '-'" }
    var parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 1, let host = parts.first, host == "localhost" || host.contains(".") || host.contains(":") {
      guard isHost(host) else { return "has no valid registry name" }
      parts.removeFirst()
    }
    guard parts.allSatisfy(isPathComponent) else {
      return repository.utf8.contains { (65...90).contains($0) }
        ? "must have a repository name in lower case" : "must be an image reference: [registry/]name[:tag][@sha256:…]"
    }
    return nil
  }

  /// A colon before the last `/` belongs to a port.
  private static func splitTag(_ text: Substring) -> (repository: Substring, tag: Substring?) {
    let nameStart = text.lastIndex(of: "/") ?? text.startIndex
    guard let colon = text[nameStart...].firstIndex(of: ":") else { return (text, nil) }
    return (text[..<colon], text[text.index(after: colon)...])
  }

  private static func isTag(_ tag: Substring) -> Bool {
    (1...128).contains(tag.utf8.count) && !tag.hasPrefix(".") && !tag.hasPrefix("-")
      && tag.utf8.allSatisfy { TOMLScanner.isBareKey($0) || $0 == UInt8(ascii: ".") }
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
  private static func isPathComponent(_ part: Substring) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || TOMLScanner.isDigit(byte) }
    guard let first = part.utf8.first, let last = part.utf8.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
    let separators = part.utf8.split(whereSeparator: isAlphanumeric).map { String(Substring($0)) }
    return separators.allSatisfy { $0 == "." || $0 == "_" || $0 == "__" || $0.utf8.allSatisfy { $0 == UInt8(ascii: "-") } }
  }
}
