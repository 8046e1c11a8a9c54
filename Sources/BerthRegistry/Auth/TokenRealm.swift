import BerthCore

/// Whether a token service that a registry names is asked at all, and with credentials. The name comes from the registry, or from
/// whoever sits in between, so it gets no request that reaches into the node's own networks, and no password that isn't meant for it.
public enum TokenRealm {
  /// nil if it may be asked; else why not.
  public static func refusal(_ realm: String, for registry: HTTPOrigin, plainAllowed: (String) -> Bool) -> String? {
    guard let origin = HTTPOrigin(url: realm) else { return "it isn't a plain http or https URL" }
    if !origin.isSecure, registry.isSecure || !plainAllowed(origin.name) { return "it isn't https" }
    if RegistryHost.isInternal(origin.host), !RegistryHost.isInternal(registry.host), origin.host != registry.host {
      return "it is an address of a private network, and the registry isn't"
    }
    return nil
  }

  /// Whether the registry's credential goes there: the registry's own host, its parent domain, or another host of that domain
  /// (registry-1.docker.io and auth.docker.io; registry.gitlab.com and gitlab.com).
  public static func takesCredential(_ realm: String, of registry: HTTPOrigin) -> Bool {
    guard let origin = HTTPOrigin(url: realm) else { return false }
    if origin.host == registry.host { return true }
    guard RegistryHost.address(registry.host) == nil, !registry.host.hasPrefix("["), origin.isSecure else { return false }
    let labels = registry.host.split(separator: ".")
    guard labels.count >= 3 else { return false }
    let parent = labels.dropFirst()
    guard !isPublicSuffix(Array(parent)) else { return false }
    let domain = parent.joined(separator: ".")
    return origin.host == domain || origin.host.hasSuffix(".\(domain)")
  }

  /// Domains below which anybody can have a name. Not the whole public list: two labels of which the last is a country's and the first
  /// short or a usual category (`co.uk`, `com.au`), and the well-known hosters.
  private static func isPublicSuffix(_ labels: [Substring]) -> Bool {
    guard labels.count >= 2 else { return true }
    guard labels.count == 2 else { return false }
    let isCountry = labels[1].utf8.count == 2
    if isCountry, labels[0].utf8.count <= 3 || ["info", "gouv", "name"].contains(labels[0]) { return true }
    return hosters.contains(labels.joined(separator: "."))
  }

  private static let hosters: Set<String> = [
    "github.io", "gitlab.io", "azurewebsites.net", "cloudapp.net", "herokuapp.com", "appspot.com", "amazonaws.com", "azurecr.io",
    "pages.dev",
    "workers.dev", "vercel.app", "netlify.app", "web.app", "firebaseapp.com", "run.app", "fly.dev", "onrender.com", "ngrok.io", "ngrok.app",
    "duckdns.org", "blogspot.com", "windows.net", "cloudfront.net", "digitaloceanspaces.com",
  ]
}
