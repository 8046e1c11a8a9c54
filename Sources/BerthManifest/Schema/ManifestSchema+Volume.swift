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
      .key("config", .table(config), "files written in the manifest"),
      .notYet("secret", .anything, "files that are never shown"),
      .notYet("image", .either([.text(.image), .table(image)]), "an image's files, read-only"),
      .key("owner", .text(.owner), default: "\"0:0\"", "\"uid:gid\" of the volume and of generated files"),
      .key("mode", mode, "permission bits of the volume, or of config's files"),
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

  private static let config = KeyTable(
    "[volume.config]",
    [
      .key("files", .map(key: .fileName, value: .text(.any)), "name to content"),
      .key("mode", mode, default: "0o644", "permission bits of the files"),
      .notYet("from", .list(.text(.nodePath)), "files beside the manifest"),
    ])

  private static let image = KeyTable("[volume.image]", [.notYet("reference", .text(.image), "an image")])
}
