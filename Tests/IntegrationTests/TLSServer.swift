import BerthLinux
import BerthTestSupport
import Glibc

/// `openssl s_server` on the node's loopback, with a certificate that nobody signed.
final class TLSServer {
  private let directory: TemporaryDirectory
  private let pid: pid_t

  init(port: Int) throws {
    directory = try TemporaryDirectory("tls")
    let (key, certificate) = ("\(directory.path)/key", "\(directory.path)/certificate")
    let openssl = try Command.locate("openssl")
    let made = try Command.run(
      openssl,
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
        "-subj", "/CN=nobody",
      ])
    guard made.exit == 0 else { throw TestFailure("\(made)") }
    let output = try Files.open("\(directory.path)/log", O_WRONLY | O_CREAT, mode: 0o644)
    let nothing = try Files.open("/dev/null", O_RDONLY)
    pid = try Spawn.start(
      openssl, arguments: [openssl, "s_server", "-accept", "127.0.0.1:\(port)", "-key", key, "-cert", certificate, "-www"],
      environment: Command.environment, descriptors: [(0, nothing.raw), (1, output.raw), (2, output.raw)])
    try eventually("openssl listens") { try Files.readText("\(directory.path)/log").contains("ACCEPT") }
  }

  func stop() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    _ = waitpid(pid, &status, 0)
  }
}
