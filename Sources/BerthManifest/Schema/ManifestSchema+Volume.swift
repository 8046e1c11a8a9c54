extension ManifestSchema {
  /// The keys that say what a volume is; one of them stands in each.
  static let volumeKinds = ["host_path", "empty_dir", "persistent", "config", "secret", "image"]

  static let mode = KeyType.integer(0...0o7777)

  static let volume = KeyTable(
    "[[volume]]",
    [
      .key("name", .text(.label), "what mounts refer to"),
      .key("host_path", .either([.text(.nodePath), .table(hostPath)]), "a path on the node"),
      .key("empty_dir", .table(emptyDir), "empty at the pod's start, gone with it"),
      .key("persistent", .table(persistent), "outlives the pod"),
      .key("config", .table(files("config", mode: "0o644")), "files from the manifest, or beside it"),
      .key("secret", .table(files("secret", mode: "0o600")), "as config, but in memory alone, and never shown"),
      .key("image", .either([.text(.image), .table(image)]), "an image's files, read-only"),
      .key("owner", .text(.owner), default: "\"0:0\"", "\"uid:gid\" of the volume and of generated files"),
      .key("mode", mode, "permission bits of the volume, or of the files of config and secret"),
    ])

  private static let hostPath = KeyTable(
    "[volume.host_path]",
    [
      .key("path", .text(.nodePath), "relative ones start at the manifest's folder"),
      .key(
        "type", .choice(VolumeSource.HostPathType.allCases.map(\.rawValue)), default: "\"\"",
        "what must be there, or is made; \"\" doesn't look"),
    ])

  private static let emptyDir = KeyTable(
    "[volume.empty_dir]",
    [
      .key("medium", .choice(["", "memory"]), default: "\"\"", "\"memory\" is a tmpfs"),
      .key("size", .size(minimum: 4096), "most of a tmpfs"),
    ])

  private static let persistent = KeyTable(
    "[volume.persistent]",
    [.key("name", .text(.label), default: "the pod's own", "shared by the pods of the namespace that name it")])

  private static func files(_ kind: String, mode text: String) -> KeyTable {
    KeyTable(
      "[volume.\(kind)]",
      [
        .key("files", .map(key: .fileName, value: .text(.any)), "name to content"),
        .key("from", .list(.text(.nodePath)), default: "[]", "files of the node, relative to the manifest; each keeps its name"),
        .key("mode", mode, default: text, "permission bits of the files"),
        .key(
          "on_change", .text(.onChange), default: "\"restart\"",
          "what changed content does: \"restart\" the pod, \"signal:HUP\" the containers that mount it, or \"none\""),
      ])
  }

  private static let image = KeyTable(
    "[volume.image]",
    [
      .key("reference", .text(.image), "an image, as for containers"),
      .key("pull_policy", .choice(ImagePullPolicy.allCases.map(\.rawValue)), default: "as for containers", "when it is pulled"),
    ])
}
