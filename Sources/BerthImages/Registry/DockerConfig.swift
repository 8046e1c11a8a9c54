import BerthCore

/// A Docker `config.json`, as far as it says how to log in. Source: docker/cli "config" docs; docker-credential-helpers.
public struct DockerConfig: Sendable, Equatable {
  public enum Answer: Sendable, Equatable {
    case credential(RegistryCredential)
    /// The helper `docker-credential-NAME`, asked for `server`.
    case helper(name: String, server: String)
  }

  private var auths: [String: RegistryCredential] = [:]
  private var helpers: [String: String] = [:]
  private var store: String?
  /// What is wrong with the entries of a registry: told to who asks for that one, while the others go on.
  private var faults: [String: BerthError] = [:]

  /// Throws `invalidArgument` for bytes that are no such file.
  public init(parsing bytes: [UInt8], file: String) throws(BerthError) {
    func refuse(_ cause: String) -> BerthError { BerthError(.invalidArgument, "read registry credentials", file, cause: cause) }
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch { throw refuse("not valid JSON: \(error)") }
    guard json.object != nil else { throw refuse("it is not a JSON object") }
    for (server, entry) in json["auths"]?.object ?? [:] {
      let host = Self.host(of: server)
      do throws(BerthError) {
        if let credential = try Self.credential(entry, refuse: { refuse("auths.\(server): \($0)") }) { auths[host] = credential }
      } catch { faults[host] = error }
    }
    for (server, name) in json["credHelpers"]?.object ?? [:] {
      guard let name = name.string, Self.isHelperName(name) else {
        faults[Self.host(of: server)] = refuse("credHelpers.\(server) is no helper's name (a-z, 0-9 and -)")
        continue
      }
      helpers[Self.host(of: server)] = name
    }
    if let name = json["credsStore"]?.string, !name.isEmpty {
      guard Self.isHelperName(name) else { throw refuse("credsStore is no helper's name (a-z, 0-9 and -)") }
      store = name
    }
  }

  /// For the registry at `host` (`host[:port]`), as Docker looks: its own helper, the store, then the file.
  /// Throws where an entry of that registry is malformed.
  public func answers(for host: String) throws(BerthError) -> [Answer] {
    let key = Self.host(of: host)
    if let fault = faults[key] { throw fault }
    var answers: [Answer] = []
    // Helpers know Docker Hub by the URL that Docker gives them.
    let server = key == "docker.io" ? Self.hub : host
    if let name = helpers[key] {
      answers.append(.helper(name: name, server: server))
    } else if let store {
      answers.append(.helper(name: store, server: server))
    }
    if let credential = auths[key] { answers.append(.credential(credential)) }
    return answers
  }

  static let hub = "https://index.docker.io/v1/"

  /// A name that becomes part of a program's: nothing that leads elsewhere.
  static func isHelperName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
  }

  /// Keys are hosts or URLs; Docker Hub has several.
  static func host(of server: String) -> String {
    var rest = Substring(server.lowercased())
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    let host = String(rest.prefix { $0 != "/" })
    return ["index.docker.io", "registry-1.docker.io", "docker.io"].contains(host) ? "docker.io" : host
  }

  private static func credential(_ entry: JSON, refuse: (String) -> BerthError) throws(BerthError) -> RegistryCredential? {
    var credential = RegistryCredential(username: entry["username"]?.string ?? "", password: entry["password"]?.string ?? "")
    if let auth = entry["auth"]?.string, !auth.isEmpty {
      guard let bytes = Base64Text.decode(auth), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
        throw refuse("auth is not USER:PASSWORD in base64")
      }
      credential.username = String(decoding: bytes[..<colon], as: UTF8.self)
      // Docker pads what it writes with NULs.
      credential.password = String(decoding: bytes[(colon + 1)...].prefix { $0 != 0 }, as: UTF8.self)
    }
    credential.identityToken = entry["identitytoken"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    return credential.username.isEmpty && credential.identityToken == nil ? nil : credential
  }
}
