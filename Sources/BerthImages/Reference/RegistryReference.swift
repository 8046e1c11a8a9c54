import BerthCore

/// A reference to an image in a registry, completed as Docker and containerd complete it.
/// Sources: distribution `reference` grammar; OCI distribution-spec "Pulling manifests".
public struct RegistryReference: Sendable, Hashable, CustomStringConvertible {
  /// `host` or `host:port`, lower case: `docker.io`, `localhost:5000`, `[::1]:5000`.
  public let registry: String
  /// Slash-separated lower-case components: `library/nginx`.
  public let repository: String
  /// nil only where there is a digest.
  public let tag: String?
  public let digest: Digest?

  /// nil with the reason in `BerthError` for text that is no reference.
  public init(_ text: String) throws(BerthError) {
    func refuse(_ cause: String) -> BerthError {
      BerthError(.invalidArgument, "read image reference", String(text.prefix(300)), cause: cause)
    }
    guard !text.isEmpty, text.utf8.count <= 4096 else { throw refuse("it is empty or longer than 4096 bytes") }
    if let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") {
      throw refuse("it begins with \"\(text[..<colon])://\": a reference has no scheme, it is registry/name:tag")
    }
    // Docker takes it for an image's id, and so might whoever wrote it.
    guard text.utf8.count != 64 || !text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
      throw refuse("64 hexadecimal digits are no name; an image by its digest is NAME@sha256:…")
    }
    var rest = Substring(text)
    if let at = rest.lastIndex(of: "@") {
      let after = rest[rest.index(after: at)...]
      guard let digest = Digest(after) else { throw refuse("what follows @ is not sha256: and 64 lower-case hexadecimal digits") }
      self.digest = digest
      rest = rest[..<at]
    } else {
      digest = nil
    }
    let (name, tag) = Self.splitTag(rest)
    // What `image ls` shows is the beginning of a digest. A repository of that name is nobody's.
    if name == "sha256", digest == nil, tag != nil {
      throw refuse("a digest is sha256: and 64 lower-case hexadecimal digits; berth image ls -o json has them whole")
    }
    if let tag { guard Self.isTag(tag) else { throw refuse("\"\(tag)\" is not a tag") } }
    self.tag = tag.map(String.init) ?? (digest == nil ? "latest" : nil)
    guard !name.isEmpty else { throw refuse("there is no name before the \(tag == nil ? "digest" : "tag")") }
    let (host, path) = Self.splitHost(name)
    guard Self.isHost(host) else { throw refuse("\"\(host)\" is not a registry's host name") }
    // In lower case it would be read as a part of a name on Docker Hub: another image.
    guard host.contains(".") || host.contains(":") || host == "localhost" else {
      throw refuse("\"\(name.prefix { $0 != "/" })\" has capitals, and as a registry's host name it needs a dot or a port")
    }
    // As would these, of the node's own files.
    guard !["oci:", "oci-archive:", "docker-archive:", "rootfs:"].contains(where: host.hasPrefix) else {
      throw refuse("\"\(host)\" is how an image on this node is named, not a registry")
    }
    guard Self.isRepository(path) else {
      throw refuse("\"\(path)\" is not a repository: lower-case letters, digits and single . _ - between them, components separated by /")
    }
    registry = host
    repository = path
  }

  /// A colon after the last slash begins the tag; one before it belongs to the host's port.
  private static func splitTag(_ text: Substring) -> (Substring, Substring?) {
    guard let colon = text.lastIndex(of: ":"), !text[colon...].contains("/") else { return (text, nil) }
    return (text[..<colon], text[text.index(after: colon)...])
  }

  /// The first component is a host if it has a dot, a colon or capitals, or is `localhost`; else the image is Docker Hub's.
  private static func splitHost(_ name: Substring) -> (String, String) {
    if let slash = name.firstIndex(of: "/") {
      let first = name[..<slash]
      let rest = String(name[name.index(after: slash)...])
      if first.contains(".") || first.contains(":") || first == "localhost" || first.contains(where: \.isUppercase) {
        let host = first.lowercased()
        let isHub = host == "docker.io" || host == "index.docker.io"
        return (isHub ? "docker.io" : host, isHub && !rest.contains("/") ? "library/\(rest)" : rest)
      }
      return ("docker.io", String(name))
    }
    return ("docker.io", "library/\(name)")
  }

  static func isTag(_ text: Substring) -> Bool {
    guard (1...128).contains(text.utf8.count), let first = text.utf8.first, isWord(first) else { return false }
    return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || (65...90).contains(byte) || byte == UInt8(ascii: "_")
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }

  static func isRepository(_ text: String) -> Bool {
    guard (1...255).contains(text.utf8.count) else { return false }
    return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isComponent)
  }

  /// Runs of a-z and 0-9, joined by `.`, `_`, `__` or any number of `-`.
  private static func isComponent(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
    let separators = text.utf8.split(whereSeparator: isAlphanumeric)
    return separators.allSatisfy { run in
      run.elementsEqual(".".utf8) || run.elementsEqual("_".utf8) || run.elementsEqual("__".utf8)
        || run.allSatisfy { $0 == UInt8(ascii: "-") }
    }
  }

  /// A name, an IPv4 address or a bracketed IPv6 address, with an optional port.
  static func isHost(_ text: String) -> Bool {
    guard text.utf8.count <= 261 else { return false }
    var name = Substring(text)
    if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
      let port = text[text.index(after: colon)...]
      guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
      name = text[..<colon]
    }
    if name.hasPrefix("["), name.hasSuffix("]") {
      return name.count > 4 && name.dropFirst().dropLast().utf8.allSatisfy { $0 == 58 || $0 == 46 || isAlphanumeric($0) }
    }
    return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 45 }
    }
  }

  /// Without tag and digest: `docker.io/library/nginx`.
  public var name: String { "\(registry)/\(repository)" }

  public var description: String { name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }
}
