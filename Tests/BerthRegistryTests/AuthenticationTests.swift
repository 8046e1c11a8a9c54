import BerthCore
import BerthImages
import Testing

@testable import BerthRegistry

@Suite("who gets asked and told")
struct AuthenticationTests {
  @Test("a registry that speaks plain HTTP is told as one, and what would let it")
  func noTLS() {
    let failure = TransferFailure(35, words: "error:0A00010B:SSL routines::wrong version number", url: "https://r.example/v2/")
    #expect(failure.kind == .noTLS && failure.error.cause.hasPrefix("it doesn't speak TLS (a registry named in [registry] insecure"))
    let other = TransferFailure(35, words: "tlsv1 alert internal error", url: "https://r.example/v2/")
    #expect(other.error.cause == "tlsv1 alert internal error")
  }

  @Test("challenges are read, quoted commas and escapes included")
  func challenges() {
    #expect(
      Challenge.parse([#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#])
        == .bearer(realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull,push"))
    #expect(Challenge.parse([#"Basic realm="x""#]) == .basic)
    #expect(Challenge.parse(["Basic realm=x", #"bearer realm="r\"q" , service=s"#]) == .bearer(realm: "r\"q", service: "s", scope: nil))
    #expect(Challenge.parse(["Bearer service=x"]) == nil && Challenge.parse(["Negotiate"]) == nil && Challenge.parse([]) == nil)
    for text in ["Bearer", "Bearer =", "Bearer ,,,", "Bearer a", "Bearer a=\"", "Bearer a=\"\\", String(repeating: "Bearer ", count: 5000)]
    {
      #expect(Challenge.parse([text]) == nil)
    }
  }

  @Test(
    "B17: a token service that reaches into private networks, isn't https or isn't spelled plainly is not asked",
    arguments: [
      "http://auth.example.com/token", "https://127.0.0.1/token", "https://169.254.169.254/latest", "https://10.1.2.3/t",
      "https://192.168.0.1/t",
      "https://172.20.0.1/t", "https://[::1]/t", "https://[::ffff:127.0.0.1]/t", "https://localhost/t", "https://a.localhost/t",
      "https://2130706433/t",
      "https://0x7f.1/t", "https://127.1/t", "https://0177.0.0.1/t", "https://127。0。0。1/t", "https://user@evil.com/t",
      "https://reg.example.com@evil.com/t", "ftp://x/t",
      "file:///etc/passwd", "https://", "https:///t", "https://a b/t", "https://evil.com\\@x/t", "https://100.64.0.1/t",
      "https://0.0.0.0/t",
    ])
  func refused(_ realm: String) {
    let registry = HTTPOrigin(registry: "reg.example.com", isSecure: true)
    #expect(TokenRealm.refusal(realm, for: registry, plainAllowed: { _ in false }) != nil)
    #expect(!TokenRealm.takesCredential(realm, of: registry) || realm.hasPrefix("http://auth.example.com"))
  }

  @Test("a registry on loopback may have its token service there")
  func loopback() {
    let registry = HTTPOrigin(registry: "127.0.0.1:5000", isSecure: false)
    #expect(TokenRealm.refusal("http://127.0.0.1:5001/t", for: registry, plainAllowed: { $0.hasPrefix("127.") }) == nil)
    #expect(
      TokenRealm.refusal(
        "https://auth.example.com/t", for: HTTPOrigin(registry: "reg.example.com", isSecure: true), plainAllowed: { _ in false }) == nil)
  }

  @Test(
    "B17: a password goes to the registry's own domain and no other",
    arguments: [
      ("registry-1.docker.io", "https://auth.docker.io/token", true), ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
      ("quay.io", "https://quay.io/v2/auth", true), ("quay.io", "https://auth.quay.io/t", false),
      ("reg.example.com", "https://evil.com/t", false),
      ("reg.example.com", "https://evilexample.com/t", false), ("reg.example.com", "https://example.com.evil.net/t", false),
      ("reg.co.uk", "https://evil.co.uk/t", false), ("a.github.io", "https://b.github.io/t", false),
      ("localhost:5000", "https://evil.com/t", false),
      ("10.0.0.1", "https://10.0.0.2/t", false), ("reg.example.com", "http://auth.example.com/t", false),
    ])
  func credentials(_ registry: String, _ realm: String, _ taken: Bool) {
    #expect(TokenRealm.takesCredential(realm, of: HTTPOrigin(registry: registry, isSecure: true)) == taken)
  }

  @Test("plain HTTP is for exact names and for texts that say loopback")
  func plain() {
    var access = RegistryAccess()
    access.insecure = ["lab.example:5000"]
    let registry = Registry("x", RegistryEndpoint(registry: "x"), access)
    for host in ["lab.example:5000", "localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"] {
      #expect(registry.allowsPlain(host), "\(host)")
    }
    for host in [
      "lab.example", "lab.example:5001", "xlab.example:5000", "127.0.0.1.evil.com", "localhost.evil.com", "10.0.0.1", "128.0.0.1",
    ] {
      #expect(!registry.allowsPlain(host), "\(host)")
    }
  }

  @Test("a redirect is read relative to where it came from")
  func redirects() {
    #expect(HTTPOrigin.resolve("/x?y", from: "https://a.b:444/v2/") == "https://a.b:444/x?y")
    #expect(HTTPOrigin.resolve("//c/x", from: "https://a/") == "https://c/x")
    #expect(HTTPOrigin.resolve("HTTP://c/x", from: "https://a/") == "HTTP://c/x")
    #expect(HTTPOrigin.resolve("file:///x", from: "https://a/") == nil)
    #expect(HTTPOrigin(url: "https://A.b:443/x")?.name == "a.b" && HTTPOrigin(url: "http://a:80")?.name == "a")
    #expect(Redaction.url("https://a/b?sig=secret#x") == "https://a/b")
  }

  @Test("Base64 and percent encoding are as the RFCs have them")
  func encodings() {
    #expect(["", "f", "fo", "foo", "foob"].map { Base64Text.encode($0.utf8) } == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="])
    #expect(PercentEncoding.encode("a b&c=é/\n~") == "a%20b%26c%3D%C3%A9%2F%0A~")
  }
}
