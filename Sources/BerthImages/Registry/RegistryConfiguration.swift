import BerthCore

/// A user's name and password for one registry, or a token that stands for both.
public struct RegistryCredential: Sendable, Hashable {
  public var username: String
  public var password: String
  /// An OAuth2 refresh token (`identitytoken` of a Docker config.json); then there is no password.
  public var identityToken: String?

  public init(username: String, password: String, identityToken: String? = nil) {
    self.username = username
    self.password = password
    self.identityToken = identityToken
  }
}

/// What the node's configuration says of registries: where to look. `access(for:)` looks, for one pull.
public struct RegistryConfiguration: Sendable, Equatable {
  public typealias Credential = RegistryCredential

  /// Registries that are spoken to over plain HTTP, by exact name with port. Literal loopback addresses and `localhost` need no entry.
  public var insecure: Set<String>
  /// By exact name with port. A credential goes to its own registry and that registry's token service, nowhere else.
  public var credentials: [String: Credential]
  /// PEM files with certificate authorities beside the system's, by exact name with port.
  public var certificateAuthorities: [String: String]
  /// Layers of one image that are fetched at the same time.
  public var concurrentDownloads: Int
  /// A directory of directories with a `hosts.toml` each, read anew for every pull. nil: none.
  public var hostsDirectory: String?
  /// By registry (`*`: any other): URLs that are tried in order before the registry itself.
  public var mirrors: [String: [String]] = [:]
  /// A Docker config.json with credentials or the names of helpers that have them; need not exist.
  public var authFile: String?
  /// Taken from the daemon's environment.
  public var proxy = ProxySettings()
  public var timeouts = RegistryTimeouts()
  /// Which images may be used.
  public var trust = ImageTrust()

  public init(
    insecure: Set<String> = [], credentials: [String: Credential] = [:], certificateAuthorities: [String: String] = [:],
    concurrentDownloads: Int = 3
  ) {
    self.insecure = insecure
    self.credentials = credentials
    self.certificateAuthorities = certificateAuthorities
    self.concurrentDownloads = concurrentDownloads
  }
}

/// Proxies by the scheme of what is asked for. Sources: curl(1) "Environment"; Go's http.ProxyFromEnvironment.
public struct ProxySettings: Sendable, Equatable {
  public var http: String?
  public var https: String?
  /// Hosts, domains and networks that are asked directly, between commas. Loopback always is.
  public var exceptions: String?

  public init(http: String? = nil, https: String? = nil, exceptions: String? = nil) {
    self.http = http
    self.https = https
    self.exceptions = exceptions
  }

  /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case; the lower one counts more.
  public init(environment: (String) -> String?) {
    func value(_ name: String) -> String? {
      [name.lowercased(), name].compactMap(environment).first { !$0.isEmpty && $0.utf8.count <= 4096 }
    }
    self.init(http: value("HTTP_PROXY"), https: value("HTTPS_PROXY"), exceptions: value("NO_PROXY"))
  }
}

/// How long a registry may take.
public struct RegistryTimeouts: Sendable, Equatable {
  /// Until the connection stands, in milliseconds.
  public var connect: Int64 = 10_000
  /// From then until the answer's head is there, in milliseconds.
  public var head: Int64 = 30_000
  /// A transfer that moves less than `minimumSpeed` bytes a second for so many seconds is broken off.
  public var stall: Int64 = 30
  public var minimumSpeed: Int64 = 1024
  /// Tries of one request after the first, where another may help.
  public var retries: Int64 = 4
  /// The first pause before one of these, in milliseconds, at most; it doubles. What `Retry-After` says counts more.
  public var pause: Int64 = 250

  public init() {}
}
