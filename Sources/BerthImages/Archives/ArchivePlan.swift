import BerthArchive
import BerthCore
import BerthOCI

/// An image archive before it is written: which members, from where. A value, so that its size is known beforehand and the writing is
/// a plain loop.
struct ArchivePlan: Sendable, Hashable {
  enum Format: String, Sendable {
    /// An OCI layout in a tar file.
    case oci
    /// The same, and `manifest.json` beside it, for `docker load` and all who read what `docker save` writes.
    case docker
  }

  enum Content: Sendable, Hashable {
    case bytes([UInt8])
    case blob(Digest, size: Int64)
    case directory

    var size: Int64 {
      switch self {
      case .bytes(let bytes): Int64(bytes.count)
      case .blob(_, let size): size
      case .directory: 0
      }
    }
  }

  struct Member: Sendable, Hashable {
    var name: String
    var content: Content

    /// The header as ustar has it: all sizes and names here fit it, or a PAX header comes before.
    var entry: TarEntry {
      TarEntry(
        name: Array(name.utf8), kind: content == .directory ? .directory : .file, mode: content == .directory ? 0o755 : 0o644,
        size: content.size)
    }
  }

  /// One image with the names that it is to have in the archive.
  struct Item: Sendable, Hashable {
    var names: [RegistryReference]
    var manifest: Descriptor
    var content: Manifest
  }

  var members: [Member]

  init(_ items: [Item], format: Format) {
    members = ["blobs/", "blobs/sha256/"].map { Member(name: $0, content: .directory) }
    let version: JSON = ["imageLayoutVersion": "1.0.0"]
    members.append(Member(name: "oci-layout", content: .bytes(version.encoded())))
    members.append(Member(name: "index.json", content: .bytes(Index(manifests: Self.entries(items)).encoded())))
    if format == .docker { members.append(Member(name: "manifest.json", content: .bytes(Self.dockerManifest(items).encoded()))) }
    var seen: Set<Digest> = []
    for item in items {
      for blob in [item.manifest, item.content.config] + item.content.layers where seen.insert(blob.digest).inserted {
        members.append(Member(name: Self.path(blob.digest), content: .blob(blob.digest, size: blob.size)))
      }
    }
  }

  private static func path(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }

  /// One entry a name: the tag where it is the only one of its kind, as other tools write it, else the whole name; and containerd's.
  private static func entries(_ items: [Item]) -> [Descriptor] {
    let tags = items.flatMap(\.names).compactMap(\.tag)
    return items.flatMap { item -> [Descriptor] in
      guard !item.names.isEmpty else { return [item.manifest] }
      return item.names.map { name in
        var entry = item.manifest
        let isAlone = tags.count { $0 == name.tag } == 1
        entry.annotations["org.opencontainers.image.ref.name"] = isAlone ? name.tag : name.description
        entry.annotations["io.containerd.image.name"] = name.description
        return entry
      }
    }
  }

  /// Source: github.com/moby/docker-image-spec "Combined Image JSON + Filesystem Changeset Format".
  private static func dockerManifest(_ items: [Item]) -> JSON {
    .array(
      items.map { item in
        [
          "Config": .string(path(item.content.config.digest)),
          "RepoTags": .strings(item.names.filter { $0.tag != nil }.map { "\($0.familiarName):\($0.tag ?? "")" }),
          "Layers": .strings(item.content.layers.map { path($0.digest) }),
        ]
      })
  }
}

extension RegistryReference {
  /// As Docker prints it: without its own registry.
  fileprivate var familiarName: String {
    guard registry == "docker.io" else { return name }
    return repository.hasPrefix("library/") ? String(repository.dropFirst(8)) : repository
  }
}
