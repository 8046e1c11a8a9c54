import BerthCore
import BerthLinux

/// OCI image layouts written by hand, for images that no tool would make.
public enum ImageLayout {
  /// Makes an image of uncompressed layer tars in `directory` and returns its path. `mediaType` and `annotations` are the layers'.
  public static func write(
    _ directory: String, layers: [String], configuration: JSON = ["Cmd": ["/bin/sh"]],
    mediaType: String = "application/vnd.oci.image.layer.v1.tar", annotations: JSONObject = [:]
  ) throws -> String {
    try Files.makeDirectories("\(directory)/blobs/sha256", mode: 0o755)
    let contents = try layers.map { try Files.read($0, limit: 64 << 20) }
    let blobs = try contents.map { content -> JSON in
      var layer = try blob(content, mediaType, in: directory).object ?? [:]
      if annotations != [:] { layer["annotations"] = .object(annotations) }
      return .object(layer)
    }
    let digests = blobs.compactMap { $0["digest"] }
    let config: JSON = [
      "architecture": .string(architecture), "os": "linux", "config": configuration,
      "rootfs": ["type": "layers", "diff_ids": .array(digests)],
    ]
    let manifest: JSON = [
      "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "config": try blob(config.encoded(), "application/vnd.oci.image.config.v1+json", in: directory), "layers": .array(blobs),
    ]
    let index: JSON = [
      "schemaVersion": 2, "manifests": [try blob(manifest.encoded(), "application/vnd.oci.image.manifest.v1+json", in: directory)],
    ]
    try Files.writeAtomically(index.encoded(), to: "\(directory)/index.json", mode: 0o644)
    try Files.writeAtomically(Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8), to: "\(directory)/oci-layout", mode: 0o644)
    return directory
  }

  /// Stores bytes under their digest and returns the descriptor.
  private static func blob(_ bytes: [UInt8], _ mediaType: String, in directory: String) throws -> JSON {
    let temporary = "\(directory)/blob"
    try Files.writeAtomically(bytes, to: temporary, mode: 0o644)
    let hex = try Command.run("sha256sum", [temporary]).stdout.prefix(64)
    try Files.rename(temporary, to: "\(directory)/blobs/sha256/\(hex)")
    return ["mediaType": .string(mediaType), "digest": .string("sha256:\(hex)"), "size": .integer(bytes.count)]
  }

  /// As image configs call this machine.
  private static var architecture: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }
}
