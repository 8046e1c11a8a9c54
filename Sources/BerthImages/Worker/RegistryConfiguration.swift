import BerthCore

/// What the node's configuration says of registries.
public struct RegistryConfiguration: Sendable, Equatable {
  public struct Credential: Sendable, Equatable {
    public var username: String
    public var password: String
    public init(username: String, password: String) {
      self.username = username
      self.password = password
    }
  }

  /// Registries that are spoken to over plain HTTP, by exact name with port. Literal loopback addresses and `localhost` need no entry.
  public var insecure: Set<String>
  /// By exact name with port. A credential goes to its own registry and that registry's token service, nowhere else.
  public var credentials: [String: Credential]
  /// PEM files with certificate authorities, in place of the system's, by exact name with port.
  public var certificateAuthorities: [String: String]
  /// Layers of one image that are fetched at the same time.
  public var concurrentDownloads: Int

  public init(
    insecure: Set<String> = [], credentials: [String: Credential] = [:], certificateAuthorities: [String: String] = [:],
    concurrentDownloads: Int = 3
  ) {
    self.insecure = insecure
    self.credentials = credentials
    self.certificateAuthorities = certificateAuthorities
    self.concurrentDownloads = concurrentDownloads
  }

  /// What a worker for `reference` needs to know of it, and no more: it sees no other registry's credential.
  func restricted(to reference: ImageReference) -> RegistryConfiguration {
    guard case .registry(let image) = reference else { return RegistryConfiguration(concurrentDownloads: concurrentDownloads) }
    var restricted = self
    restricted.credentials = credentials.filter { $0.key == image.registry }
    return restricted
  }

  var json: JSON {
    var auth = JSONObject()
    for (host, credential) in credentials.sorted(by: { $0.key < $1.key }) {
      auth[host] = ["username": .string(credential.username), "password": .string(credential.password)]
    }
    return [
      "insecure": .strings(insecure.sorted()), "auth": .object(auth), "ca": .strings(certificateAuthorities),
      "concurrent_downloads": .integer(concurrentDownloads),
    ]
  }

  init?(_ json: JSON) {
    guard let insecure = json["insecure"]?.array, let auth = json["auth"]?.object, let authorities = json["ca"]?.object,
      let downloads = json["concurrent_downloads"]?.integer
    else { return nil }
    self.init(concurrentDownloads: Int(clamping: max(1, min(32, downloads))))
    self.insecure = Set(insecure.compactMap(\.string))
    for (host, value) in auth {
      credentials[host] = Credential(username: value["username"]?.string ?? "", password: value["password"]?.string ?? "")
    }
    for (host, value) in authorities { certificateAuthorities[host] = value.string }
  }
}
