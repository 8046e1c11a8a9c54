import BerthCore

extension RegistryAccess {
  var json: JSON {
    [
      "endpoints": .array(endpoints.map(\.json)), "insecure": .strings(insecure.sorted()), "proxy": proxy.json, "timeouts": timeouts.json,
      "concurrent_downloads": .integer(concurrentDownloads),
    ]
  }

  init?(_ json: JSON) {
    guard let endpoints = json["endpoints"]?.array, let insecure = json["insecure"]?.array,
      let downloads = json["concurrent_downloads"]?.integer, let timeouts = json["timeouts"].flatMap({ RegistryTimeouts($0) })
    else { return nil }
    for item in endpoints {
      guard let endpoint = RegistryEndpoint(item) else { return nil }
      self.endpoints.append(endpoint)
    }
    self.insecure = Set(insecure.compactMap(\.string))
    self.timeouts = timeouts
    let proxy = json["proxy"]
    self.proxy = ProxySettings(
      http: proxy?["http"]?.string, https: proxy?["https"]?.string, exceptions: proxy?["exceptions"]?.string)
    concurrentDownloads = Int(clamping: max(1, min(32, downloads)))
  }
}

extension ProxySettings {
  fileprivate var json: JSON { ["http": .optional(http), "https": .optional(https), "exceptions": .optional(exceptions)] }
}

extension RegistryTimeouts {
  fileprivate var json: JSON {
    [
      "connect": .integer(connect), "head": .integer(head), "stall": .integer(stall), "minimum_speed": .integer(minimumSpeed),
      "retries": .integer(retries), "pause": .integer(pause),
    ]
  }

  fileprivate init?(_ json: JSON) {
    self.init()
    guard let connect = json["connect"]?.integer, let head = json["head"]?.integer, let stall = json["stall"]?.integer,
      let speed = json["minimum_speed"]?.integer, let retries = json["retries"]?.integer, let pause = json["pause"]?.integer
    else { return nil }
    (self.connect, self.head, self.stall, minimumSpeed, self.retries, self.pause) = (connect, head, stall, speed, retries, pause)
  }
}

extension RegistryEndpoint {
  fileprivate var json: JSON {
    var object: JSONObject = [
      "host": .string(host), "scheme": .string(scheme.rawValue), "path": .string(path), "capabilities": .integer(capabilities.rawValue),
      "authorities": .optional(authorities), "skip_verify": .bool(skipsVerification), "mirror": .bool(isMirror),
      "headers": .array(headers.map { ["name": .string($0.name), "value": .string($0.value)] }),
    ]
    if let client { object["client"] = ["certificate": .string(client.certificate), "key": .optional(client.key)] }
    if let credential {
      object["credential"] = [
        "username": .string(credential.username), "password": .string(credential.password),
        "identity_token": .optional(credential.identityToken),
      ]
    }
    return .object(object)
  }

  fileprivate init?(_ json: JSON) {
    guard let host = json["host"]?.string, let scheme = json["scheme"]?.string.flatMap({ Scheme(rawValue: $0) }),
      let path = json["path"]?.string, let capabilities = json["capabilities"]?.integer
    else { return nil }
    self.init(host: host, scheme: scheme)
    self.path = path
    self.capabilities = Capabilities(rawValue: capabilities)
    authorities = json["authorities"]?.string
    skipsVerification = json["skip_verify"]?.bool ?? false
    isMirror = json["mirror"]?.bool ?? false
    headers = (json["headers"]?.array ?? []).map { Header(name: $0["name"]?.string ?? "", value: $0["value"]?.string ?? "") }
    if let client = json["client"] {
      self.client = ClientCertificate(certificate: client["certificate"]?.string ?? "", key: client["key"]?.string)
    }
    if let credential = json["credential"] {
      self.credential = RegistryCredential(
        username: credential["username"]?.string ?? "", password: credential["password"]?.string ?? "",
        identityToken: credential["identity_token"]?.string)
    }
  }
}
