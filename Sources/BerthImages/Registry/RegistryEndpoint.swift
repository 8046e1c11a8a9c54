import BerthCore

/// One place where a registry's images can be had: the registry itself or a mirror.
public struct RegistryEndpoint: Sendable, Equatable {
  public enum Scheme: String, Sendable {
    case https, http
    /// TLS, and plain HTTP only where that is allowed and nothing there speaks TLS.
    case detect
  }

  public struct Capabilities: OptionSet, Sendable, Hashable {
    public var rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }
    /// Manifests and blobs by digest.
    public static let pull = Self(rawValue: 1)
    /// What a tag means.
    public static let resolve = Self(rawValue: 2)
    public static let push = Self(rawValue: 4)
    public static let all: Self = [.pull, .resolve, .push]
  }

  /// A certificate and its key, as PEM; the key may be in the certificate's text.
  public struct ClientCertificate: Sendable, Equatable {
    public var certificate: String
    public var key: String?
  }

  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String
  }

  /// `host` or `host:port`, lower case.
  public var host: String
  public var scheme: Scheme
  /// Before `/NAME/manifests/…`; without a slash at its end.
  public var path = "/v2"
  public var capabilities = Capabilities.all
  /// PEM, beside the system's authorities.
  public var authorities: String?
  public var client: ClientCertificate?
  /// Whether the certificate doesn't matter. Not a way to be safe.
  public var skipsVerification = false
  /// Sent to this host alone.
  public var headers: [Header] = []
  public var credential: RegistryCredential?
  /// Whether requests name the registry that they mean (`?ns=`): for mirrors of several.
  public var isMirror = false

  public init(host: String, scheme: Scheme) {
    self.host = host
    self.scheme = scheme
  }

  /// A registry's own place.
  public init(registry: String) {
    // Docker Hub's API is on another host than its name says.
    self.init(host: registry == "docker.io" ? "registry-1.docker.io" : registry, scheme: .detect)
  }
}

/// What one worker may know of registries: the places for its image in the order they are tried, and no other registry's credential.
public struct RegistryAccess: Sendable, Equatable {
  public var endpoints: [RegistryEndpoint] = []
  /// See `RegistryConfiguration`.
  public var insecure: Set<String> = []
  public var proxy = ProxySettings()
  public var timeouts = RegistryTimeouts()
  public var concurrentDownloads = 3

  public init() {}
}

/// One place's failure, for people: kept even where another place had the image.
public struct RegistryAttempt: Sendable, Equatable, CustomStringConvertible {
  /// `https://mirror.example/v2`.
  public var endpoint: String
  public var cause: String

  public init(endpoint: String, cause: String) {
    self.endpoint = endpoint
    self.cause = cause
  }

  public var description: String { "\(endpoint): \(cause)" }
}
