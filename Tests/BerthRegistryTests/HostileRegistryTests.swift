import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

/// Two small HTTP servers that answer by a script and write down what they were asked.
private final class ScriptedServers: @unchecked Sendable {
  // `pid` is set once, in init.
  let directory: TemporaryDirectory
  let first: UInt16
  let second: UInt16
  private let pid: pid_t

  /// `rules`: Python that, given `me` (0 or 1), `path`, `auth` and the ports, returns (status, headers, body).
  init(_ rules: String) throws {
    directory = try TemporaryDirectory()
    first = try RegistryServer.freePort()
    second = try RegistryServer.freePort()
    let script = """
      import sys, threading, http.server
      ports = [int(p) for p in sys.argv[1:3]]
      log = open(sys.argv[3], 'a', buffering=1)
      def answer(me, path, auth):
      \(rules.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
      def handler(me):
        class H(http.server.BaseHTTPRequestHandler):
          protocol_version = 'HTTP/1.1'
          def log_message(self, *a): pass
          def do_GET(self):
            auth = self.headers.get('Authorization')
            log.write(f'{me} {self.path} {auth}\\n')
            status, headers, body = answer(me, self.path, auth)
            self.send_response(status)
            for k, v in headers.items(): self.send_header(k, v)
            if 'Content-Length' not in headers: self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            try: self.wfile.write(body)
            except OSError: pass
            self.close_connection = True
        return H
      servers = [http.server.ThreadingHTTPServer(('127.0.0.1', p), handler(i)) for i, p in enumerate(ports)]
      for s in servers: threading.Thread(target=s.serve_forever, daemon=True).start()
      open(sys.argv[3] + '.ready', 'w').close()
      threading.Event().wait()
      """
    try directory.write("server.py", Array(script.utf8))
    pid = try Command.start(
      ["/usr/bin/python3", directory("server.py"), "\(first)", "\(second)", directory("log")], output: directory("out"))
    for _ in 0..<1000 where !Files.exists(directory("log.ready")) { usleep(10_000) }
    guard Files.exists(directory("log.ready")) else {
      throw BerthError(.unavailable, "start server", cause: try Files.readText(directory("out")))
    }
  }

  deinit {
    kill(pid, SIGKILL)
    _ = try? Children.wait(for: pid)
  }

  /// Requests so far but the look for TLS, which isn't one: `SERVER PATH AUTHORIZATION`.
  func requests() throws -> [String] { try Files.readText(directory("log")).split(separator: "\n").map(String.init) }
}

@Suite("registries that aren't to be trusted", .enabled(if: geteuid() == 0 && Command.exists("/usr/bin/python3"), "needs root and python3"))
struct HostileRegistryTests {
  private func failure(_ servers: ScriptedServers, password: Bool = false) throws -> (BerthError?, ImageFixture) {
    let host = "127.0.0.1:\(servers.first)"
    let credentials = password ? [host: RegistryConfiguration.Credential(username: "u", password: "planted-secret")] : [:]
    let fixture = try ImageFixture(registry: RegistryConfiguration(credentials: credentials))
    return (try fixture.failure("\(host)/app:v1"), fixture)
  }

  private static let manifest = """
    import hashlib, json
    config = b'{"rootfs":{"type":"layers","diff_ids":[]}}'
    d = lambda b: 'sha256:' + hashlib.sha256(b).hexdigest()
    body = json.dumps({'schemaVersion': 2, 'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': d(config), 'size': len(config)}, 'layers': []}).encode()
    type = {'Content-Type': 'application/vnd.oci.image.manifest.v1+json'}

    """

  @Test("the token flow: a token is fetched once with the password, used, and an image comes of it")
  func token() throws {
    let servers = try ScriptedServers(
      Self.manifest + """
        if path.startswith('/token'): return 200, {}, b'{"token":"the-token"}'
        if auth != 'Bearer the-token': return 401, {'WWW-Authenticate': f'Bearer realm="http://127.0.0.1:{ports[0]}/token",service="s"'}, b''
        if '/manifests/' in path: return 200, type, body
        return 200, {}, config
        """)
    let (error, _) = try failure(servers, password: true)
    #expect(error == nil, "\(error?.description ?? "")")
    let requests = try servers.requests()
    #expect(requests.filter { $0.contains("/token") }.count == 1)
    #expect(requests.contains { $0.contains("/token?scope=repository%3Aapp%3Apull&service=s Basic dTpwbGFudGVkLXNlY3JldA==") })
    #expect(requests.last?.contains("/blobs/sha256:") == true && requests.last?.hasSuffix("Bearer the-token") == true)
  }

  @Test("an authorization doesn't follow a redirect to another port, the digest is still checked there")
  func redirect() throws {
    let servers = try ScriptedServers(
      Self.manifest + """
        if me == 1: return 200, {}, config
        if path.startswith('/token'): return 200, {}, b'{"token":"the-token"}'
        if not auth: return 401, {'WWW-Authenticate': f'Bearer realm="http://127.0.0.1:{ports[0]}/token"'}, b''
        if '/manifests/' in path: return 200, type, body
        return 307, {'Location': f'http://127.0.0.1:{ports[1]}/elsewhere'}, b''
        """)
    #expect(try failure(servers).0 == nil)
    #expect(try servers.requests().filter { $0.hasPrefix("1 ") } == ["1 /elsewhere None"])
  }

  @Test(
    "what a registry may not do fails its pull, bounded and with the reason",
    arguments: [
      ("return 302, {'Location': path}, b''", "more than 5 redirects"),
      ("return 302, {'Location': 'http://example.com/x'}, b''", "isn't https"),
      ("return 302, {'Location': 'file:///etc/passwd'}, b''", "no usable URL"), ("return 302, {}, b''", "no usable URL"),
      ("return 401, {'WWW-Authenticate': 'Bearer realm=\"http://169.254.169.254/latest\"'}, b''", "not asked"),
      ("return 401, {'WWW-Authenticate': f'Bearer realm=\"http://127.0.0.1:{ports[1]}/t\"'}, b'{}'", "401"),
      ("return 401, {}, b''", "answered 401"),
      ("return 500, {}, b'{\"errors\":[{\"code\":\"X\",\"message\":\"a\\\\u001b[31m b\"}]}'", "answered 500 (X: a [31m b)"),
      ("return 200, {'Content-Type': 'text/html'}, b'<html>'", "no manifest but text/html"),
      ("return 200, {'Content-Length': '5000000'}, b'x' * 5000000", "larger than"),
      ("return 200, {'Content-Length': '50'}, b'{}'", "truncated"), ("return 200, {'X-Large': 'x' * 70000}, b'{}'", "request"),
      ("return 200, {'Docker-Content-Digest': 'sha256:' + '0' * 64}, b'{}'", "digest mismatch"),
      ("return 429, {'Retry-After': '1'}, b''", "answered 429"),
    ])
  func refused(_ rule: String, _ words: String) throws {
    let (error, fixture) = try failure(try ScriptedServers(rule), password: true)
    let description = try #require(error).description
    #expect(description.contains(words), "\(description)")
    #expect(!description.contains("planted-secret") && !description.contains("\u{1b}"))
    #expect(try fixture.service.images().isEmpty)
  }

  @Test("B17: a password isn't sent to a token service elsewhere")
  func realmElsewhere() throws {
    let servers = try ScriptedServers(
      """
      if me == 1: return 200, {}, b'{"token":"x"}'
      return 401, {'WWW-Authenticate': f'Bearer realm="http://localhost:{ports[1]}/t"'}, b''
      """)
    _ = try failure(servers, password: true)
    #expect(try servers.requests().filter { $0.hasPrefix("1 ") } == ["1 /t?scope=repository%3Aapp%3Apull None"])
  }
}
