import BerthCore
import BerthLinux

/// Asks a `docker-credential-NAME` for what it keeps. Source: docker-credential-helpers "Protocol".
enum CredentialHelper {
  static let timeout = Duration.seconds(20)
  private static let outputLimit = 64 << 10

  /// nil if it has nothing for `server`. `name` is one of `DockerConfig`'s, so a safe one.
  static func credential(_ name: String, server: String) throws(BerthError) -> RegistryCredential? {
    let program = "docker-credential-\(name)"
    func fail(_ cause: String) -> BerthError { BerthError(.unavailable, "ask credential helper", program, cause: cause) }
    guard let path = BoundedProgram.find(program) else {
      throw fail("it is not installed in any of \(BoundedProgram.searchPath.joined(separator: ", "))")
    }
    let outcome: BoundedProgram.Outcome
    do throws(Errno) {
      outcome = try BoundedProgram(
        path, arguments: ["get"], input: Array(server.utf8), timeout: timeout, outputLimit: outputLimit
      ).run()
    } catch { throw fail("it can't be run: \(error)") }
    switch outcome.end {
    case .timedOut: throw fail("no answer within \(DurationText.format(timeout))")
    case .talkedTooMuch: throw fail("its answer is larger than \(outputLimit) bytes")
    case .ended(.exited(0)): return try parse(outcome.output, fail)
    case .ended(let exit):
      // What it says may hold anything; only this one sentence is known.
      let said = String(decoding: outcome.output + outcome.errors, as: UTF8.self)
      if said.contains("credentials not found") { return nil }
      throw fail("it ended with \(exit)")
    }
  }

  private static func parse(_ output: [UInt8], _ fail: (String) -> BerthError) throws(BerthError) -> RegistryCredential? {
    guard let json = try? JSON(parsing: output), let username = json["Username"]?.string, let secret = json["Secret"]?.string else {
      throw fail("its answer has no Username and Secret")
    }
    if secret.isEmpty { return nil }
    if username == "<token>" { return RegistryCredential(username: "", password: "", identityToken: secret) }
    return RegistryCredential(username: username, password: secret)
  }
}
