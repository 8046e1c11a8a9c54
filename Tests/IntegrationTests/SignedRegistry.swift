import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

/// A registry on loopback, without TLS, with the example image as `app:v1`, and a key to sign it with.
final class SignedRegistry {
  static let needs = Comment("needs python3, openssl and skopeo")
  static var isPossible: Bool { ["python3", "openssl", "skopeo"].allSatisfy(Command.exists) }

  let directory: TemporaryDirectory
  let host: String
  /// Another: takes requests and never answers.
  let silent: String
  /// Of the image's manifest.
  let digest: String
  private let pid: pid_t

  init() throws {
    directory = try TemporaryDirectory("signed")
    try Self.run("skopeo", "copy", "-q", ManifestText.imageReference(), "oci:\(directory.path)/layout:v1")
    let index = try JSON(parsing: try Files.read("\(directory.path)/layout/index.json", limit: 1 << 20))
    digest = try #require(index["manifests"]?.array?.first?["digest"]?.string)
    try directory.write(
      """
      import os
      def rule(r):
        if r.server == 1: never()
        return error(404, 'GONE') if os.path.exists('\(directory.path)/gone') else None

      """, to: "rules.py")
    try Self.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(directory.path)/key")
    try Self.run("openssl", "pkey", "-in", "\(directory.path)/key", "-pubout", "-out", "\(directory.path)/key.pub")
    let script = Files.parent(of: Files.parent(of: #filePath)) + "/Fixtures/registry/faulty_registry.py"
    let log = try Files.open("\(directory.path)/out", O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    let null = try Files.open("/dev/null", O_RDONLY)
    pid = try Spawn.start(
      Command.locate("python3"), arguments: ["python3", script, directory.path], environment: Command.environment,
      descriptors: [(0, null.raw), (1, log.raw), (2, log.raw)])
    let ports = "\(directory.path)/ports"
    try eventually("the registry listens") { Files.exists(ports) }
    let hosts = try Files.readText(ports).split(separator: " ").map { "127.0.0.1:\($0)" }
    (host, silent) = (try #require(hosts.first), try #require(hosts.last))
  }

  deinit {
    kill(pid, SIGKILL)
    Children.wait(for: pid, deadline: .seconds(20))
  }

  /// Whether it has nothing of what it had.
  func set(gone: Bool) throws {
    let mark = "\(directory.path)/gone"
    if gone { try Files.writeAtomically([UInt8](), to: mark) } else { try Files.unlink(mark) }
  }

  private static func run(_ program: String, _ arguments: String...) throws {
    let result = try Command.run(program, arguments)
    guard result.exit == 0 else { throw TestFailure("\(result)") }
  }

  /// Puts a signature beside the image, as cosign does.
  func sign() throws {
    let payload =
      #"{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"\#(digest)"},"type":"cosign container image signature"},"optional":null}"#
    let payloadFile = try directory.write(payload, to: "payload")
    try Self.run("openssl", "dgst", "-sha256", "-sign", "\(directory.path)/key", "-out", "\(directory.path)/signature", payloadFile)
    let signature = Base64Text.encode(try Files.read("\(directory.path)/signature"))
    let layout = try ImageLayout.write(
      "\(directory.path)/signed", layers: [payloadFile], mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      annotations: ["dev.cosignproject.cosign/signature": .string(signature)])
    let tag = digest.replacingFirst(":", with: "-") + ".sig"
    try Self.run("skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:\(layout)", "docker://\(host)/app:\(tag)")
  }
}
