import BerthCore

/// What a worker may be sent to a registry for beside a pull.
public enum WorkerErrand: Sendable, Equatable {
  /// Takes an image that is in the content store to the reference. `mounts`: repositories of the same registry that had a blob of it.
  /// `chunk`: larger blobs are sent in parts of so many bytes.
  case push(reference: String, manifest: Digest, content: String, mounts: [Digest: String], chunk: Int64)
  /// Only looks whether the registry takes the credential.
  case login(registry: String)

  /// As the first line that a worker gets.
  public func json(_ access: RegistryAccess) -> JSON {
    var object: JSONObject = ["type": "errand", "version": .integer(WorkerProtocol.version), "registry": access.json]
    switch self {
    case .push(let reference, let manifest, let content, let mounts, let chunk):
      object["push"] = [
        "reference": .string(reference), "manifest": .string(manifest.description), "content": .string(content),
        "chunk": .integer(chunk),
        "mounts": .array(
          mounts.sorted { $0.key < $1.key }.map { ["digest": .string($0.key.description), "from": .string($0.value)] }),
      ]
    case .login(let registry): object["login"] = ["registry": .string(registry)]
    }
    return .object(object)
  }

  /// nil for another kind of job.
  public static func read(_ json: JSON) throws(BerthError) -> (errand: WorkerErrand, access: RegistryAccess)? {
    guard json["type"]?.string == "errand" else { return nil }
    guard json["version"]?.integer == WorkerProtocol.version, let access = json["registry"].flatMap({ RegistryAccess($0) }) else {
      throw WorkerProtocol.malformed("the errand is malformed")
    }
    if let registry = json["login"]?["registry"]?.string { return (.login(registry: registry), access) }
    guard let push = json["push"], let reference = push["reference"]?.string, let content = push["content"]?.string,
      let manifest = push["manifest"]?.string.flatMap({ Digest($0) }), let chunk = push["chunk"]?.integer
    else { throw WorkerProtocol.malformed("the errand is malformed") }
    var mounts: [Digest: String] = [:]
    for item in push["mounts"]?.array ?? [] {
      if let digest = item["digest"]?.string.flatMap({ Digest($0) }) { mounts[digest] = item["from"]?.string }
    }
    return (.push(reference: reference, manifest: manifest, content: content, mounts: mounts, chunk: max(1, chunk)), access)
  }
}
