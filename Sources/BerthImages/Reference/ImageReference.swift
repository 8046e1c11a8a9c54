import BerthCore

/// Where an image comes from, as a manifest or a command line names it.
public enum ImageReference: Sendable, Hashable, CustomStringConvertible {
  /// A registry: `nginx:1.27`, `ghcr.io/owner/name@sha256:…`.
  case registry(RegistryReference)
  /// An OCI image layout: `oci:DIR[:TAG]`.
  case layout(path: String, tag: String?)
  /// An OCI image layout in a tar file: `oci-archive:FILE[:TAG]`.
  case archive(path: String, tag: String?)
  /// What `docker save` writes: `docker-archive:FILE[:NAME[:TAG]]`.
  case dockerArchive(path: String, tag: String?)
  /// A directory of the node that is the root file system: `rootfs:DIR`. Read, never copied.
  case rootfs(path: String)
  /// An image that is here already, by its manifest's digest alone: `sha256:…`, as an import without names leaves it.
  case digest(Digest)

  /// `directory`: where relative paths start (the manifest's folder); must be absolute. A path ends at its first colon, so that it
  /// can't have one, as for skopeo.
  public init(_ text: String, relativeTo directory: String = "/") throws(BerthError) {
    func path(_ rest: Substring) throws(BerthError) -> (String, String?) {
      let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = parts.first, !first.isEmpty, !first.utf8.contains(0) else {
        throw BerthError(.invalidArgument, "read image reference", text, cause: "it names no path")
      }
      let tag = parts.count == 2 ? String(parts[1]) : nil
      if let tag, tag.isEmpty || tag.utf8.count > 512 || tag.utf8.contains(where: { $0 <= 32 || $0 == 127 }) {
        throw BerthError(.invalidArgument, "read image reference", text, cause: "the tag after the path is empty or malformed")
      }
      return (Self.absolute(String(first), below: directory), tag)
    }
    if text.hasPrefix("oci:") {
      let (path, tag) = try path(text.dropFirst(4))
      self = .layout(path: path, tag: tag)
    } else if text.hasPrefix("oci-archive:") {
      let (path, tag) = try path(text.dropFirst(12))
      self = .archive(path: path, tag: tag)
    } else if text.hasPrefix("docker-archive:") {
      let (path, tag) = try path(text.dropFirst(15))
      self = .dockerArchive(path: path, tag: tag)
    } else if text.hasPrefix("rootfs:") {
      let path = text.dropFirst(7)
      guard !path.isEmpty, !path.utf8.contains(0) else {
        throw BerthError(.invalidArgument, "read image reference", text, cause: "it names no path")
      }
      self = .rootfs(path: Self.absolute(String(path), below: directory))
    } else if let digest = Digest(text) {
      self = .digest(digest)
    } else {
      self = .registry(try RegistryReference(text))
    }
  }

  /// Joins and removes `.`, `..` and doubled slashes, so that equal places have equal texts.
  private static func absolute(_ path: String, below directory: String) -> String {
    var components: [Substring] = []
    for component in (path.hasPrefix("/") ? path : "\(directory)/\(path)").split(separator: "/") where component != "." {
      if component == ".." { _ = components.popLast() } else { components.append(component) }
    }
    return "/" + components.joined(separator: "/")
  }

  /// Whether the image comes over a network.
  public var isRemote: Bool { if case .registry = self { true } else { false } }

  /// Whether the image lies on this node: never pulled by a policy, read again when its file changes.
  public var isLocal: Bool { path != nil }

  /// The file or directory of a local transport.
  public var path: String? {
    switch self {
    case .registry, .digest: nil
    case .layout(let path, _), .archive(let path, _), .dockerArchive(let path, _), .rootfs(let path): path
    }
  }

  /// Whether Kubernetes' default policy for it is to pull always: the tag `latest` and no digest.
  public var isFloating: Bool {
    if case .registry(let reference) = self { reference.digest == nil && reference.tag == "latest" } else { false }
  }

  /// The completed form: equal references have equal texts. `init` reads it back.
  public var description: String {
    func text(_ transport: String, _ path: String, _ tag: String?) -> String { "\(transport):\(path)\(tag.map { ":\($0)" } ?? "")" }
    return switch self {
    case .registry(let reference): reference.description
    case .digest(let digest): digest.description
    case .rootfs(let path): "rootfs:\(path)"
    case .layout(let path, let tag): text("oci", path, tag)
    case .archive(let path, let tag): text("oci-archive", path, tag)
    case .dockerArchive(let path, let tag): text("docker-archive", path, tag)
    }
  }
}
