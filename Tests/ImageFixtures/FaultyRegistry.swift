import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc

/// Two servers of `Tests/Fixtures/registry/faulty_registry.py`: a registry that goes wrong where its rule says so. Stopped when it goes.
public final class FaultyRegistry: @unchecked Sendable {
  // `pid` is set once, in init.
  public let directory: TemporaryDirectory
  public let ports: [UInt16]
  private let pid: pid_t

  public static var isAvailable: Bool { Command.exists("/usr/bin/python3") && Command.exists("/usr/bin/openssl") }
  public var host: String { host(0) }
  public func host(_ server: Int) -> String { "127.0.0.1:\(ports[server])" }

  /// `rule`: the body of rule(r); see the script. `image`: served as `NAME:v1`, any NAME. `tls`: with a certificate of its own for
  /// 127.0.0.1, in `cert.pem`; `clientAuthority` (PEM): a client must have a certificate of that authority.
  public init(_ rule: String = "", image: ImageBuilder? = nil, tls: Bool = false, clientAuthority: String? = nil) throws {
    directory = try TemporaryDirectory()
    let body = rule.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n")
    try directory.write("rules.py", Array("def rule(r):\n\(body)\n  return None\n".utf8))
    if let image { try ImageBuilder.writeDirectory(image.layout(named: "v1"), to: directory("layout")) }
    if tls { try Self.makeCertificate(key: directory("key.pem"), certificate: directory("cert.pem"), name: "IP:127.0.0.1") }
    if let clientAuthority { try directory.write("client-ca.pem", Array(clientAuthority.utf8)) }
    let script = Files.parent(of: Files.parent(of: #filePath)) + "/Fixtures/registry/faulty_registry.py"
    pid = try Command.start(["/usr/bin/python3", script, directory.path], output: directory("out"))
    for _ in 0..<3000 where !Files.exists(directory("ports")) { usleep(10_000) }
    ports = ((try? Files.readText(directory("ports"))) ?? "").split(separator: " ").compactMap { UInt16($0) }
    guard ports.count == 2 else {
      throw BerthError(.unavailable, "start faulty registry", cause: try Files.readText(directory("out")))
    }
  }

  deinit {
    kill(pid, SIGKILL)
    _ = try? Children.wait(for: pid)
  }

  /// Its own authority, good for `name` (as openssl's subjectAltName).
  public static func makeCertificate(key: String, certificate: String, name: String) throws {
    let made = try Command.run(
      "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days", "2", "-subj", "/CN=berth test", "-addext", "subjectAltName=\(name)")
    guard made.succeeded else { throw BerthError(.unavailable, "make certificate", cause: made.output) }
  }

  /// Requests so far: `SERVER METHOD PATH AUTHORIZATION RANGE`.
  public func requests() throws -> [String] { try Files.readText(directory("log")).split(separator: "\n").map(String.init) }

  /// Requests whose line contains `text`.
  public func count(_ text: String) throws -> Int { try requests().filter { $0.contains(text) }.count }
}

extension ImageBuilder {
  /// Some layers of text that doesn't compress to nothing.
  public static func sample(_ text: String = "hello", layers: Int = 2, bytes: Int = 200_000) throws -> ImageBuilder {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    for number in 0..<layers {
      var state = UInt64(number + 1) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(text.utf8.count)
      let content = (0..<bytes).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      try builder.addLayer { (tar) throws(BerthError) in
        try tar.add(.file("layer-\(number)"), content: Array(text.utf8) + content)
      }
    }
    return builder
  }
}
