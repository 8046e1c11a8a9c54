import BerthCore
import BerthLinux
import Glibc

/// Debian's docker-registry on a free loopback port, its data in a directory of its own. Stopped when it goes.
public final class RegistryServer: @unchecked Sendable {
  // `pid` alone changes, in deinit.
  private let pid: pid_t
  public let port: UInt16
  public let directory: TemporaryDirectory
  public var host: String { "127.0.0.1:\(port)" }

  /// Where the search path has it: it may have been unpacked beside the build instead of installed.
  public static let program = Command.find("docker-registry") ?? "/usr/bin/docker-registry"
  public static var isAvailable: Bool { Command.exists(program) && Command.exists("/usr/bin/skopeo") }

  /// `password` as an htpasswd file has it for docker-registry; nil where nothing here makes such.
  public static func passwordHash(of password: String) -> String? {
    let script = "import crypt; print(crypt.crypt('\(password)', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32)))"
    guard let run = try? Command.run("/usr/bin/python3", "-W", "ignore", "-c", script), run.output.hasPrefix("$2") else { return nil }
    return String(run.output.prefix { $0 != "\n" })
  }

  /// With `certificate` (paths of a PEM certificate and key) it speaks TLS; with `htpasswd` it asks for a password.
  public init(certificate: (certificate: String, key: String)? = nil, htpasswd: String? = nil) throws {
    directory = try TemporaryDirectory()
    port = try Self.freePort()
    var text =
      "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: \(directory("data"))}, delete: {enabled: true}}\nhttp:\n  addr: 127.0.0.1:\(port)\n"
    if let certificate { text += "  tls: {certificate: \(certificate.certificate), key: \(certificate.key)}\n" }
    if let htpasswd { text += "auth: {htpasswd: {realm: test, path: \(htpasswd)}}\n" }
    try directory.write("config.yml", Array(text.utf8))
    pid = try Command.start([Self.program, "serve", directory("config.yml")], output: directory("log"))
    try waitUntilListening()
  }

  deinit {
    kill(pid, SIGKILL)
    _ = try? Children.wait(for: pid)
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  /// One that nobody listens on now.
  public static func freePort() throws -> UInt16 {
    let socket = FD(owning: try call { Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
    var address = address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let number = socket.raw
    try withUnsafeMutablePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        _ = try call { bind(number, generic, length) }
        _ = try call { getsockname(number, generic, &length) }
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// Until a connection is taken. There is no event to wait for but the connection itself.
  private func waitUntilListening() throws {
    for _ in 0..<500 {
      let socket = FD(owning: try call { Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
      var address = Self.address(port)
      let number = socket.raw
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
      if result == 0 { return }
      usleep(20_000)
    }
    let log = (try? Files.readText(directory("log"))) ?? ""
    throw BerthError(.unavailable, "start docker-registry", cause: log)
  }

  /// Copies with skopeo; `arguments` come before source and destination.
  public func push(_ source: String, to name: String, _ arguments: String...) throws {
    let run = try Command.run(
      ["/usr/bin/skopeo", "copy", "-q", "--dest-tls-verify=false"] + arguments + [source, "docker://\(host)/\(name)"])
    guard run.succeeded else { throw BerthError(.unavailable, "push", name, cause: run.output) }
  }

  /// The file that holds a blob.
  public func blobPath(_ digest: Digest) -> String {
    directory("data/docker/registry/v2/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)/data")
  }
}
