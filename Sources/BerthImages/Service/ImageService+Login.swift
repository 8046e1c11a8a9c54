import BerthCore
import BerthLinux

extension ImageService {
  /// Asks the registry whether it takes the credential, and keeps it in the node's `auth_file`. Nothing is kept that it refuses.
  public func login(_ registry: String, _ credential: RegistryCredential) throws(BerthError) {
    func refuse(_ cause: String) -> BerthError { BerthError(.invalidArgument, "log in", registry, cause: cause) }
    guard RegistryReference.isHost(registry) else { throw refuse("it is not a registry's host name") }
    guard !credential.username.isEmpty, !credential.username.contains(":") else {
      throw refuse("a user name is not empty and has no colon")
    }
    guard let path = self.registry.authFile else { throw refuse("no auth_file is configured") }
    var asked = self.registry
    asked.credentials[registry] = credential
    var access = try asked.access(registry: registry)
    // The registry itself, not what stands in for it.
    access.endpoints = access.endpoints.filter { !$0.isMirror }
    var worker = WorkerProcess(workerPath, operation: "log in", subject: registry)
    do throws(BerthError) {
      try worker.run(WorkerErrand.login(registry: registry).json(access)) { (message, _) throws(BerthError) in
        if case .finished = message { return true }
        throw WorkerProtocol.malformed("a message that belongs to no login")
      }
    } catch { throw error.of("log in", registry) }
    try AuthFile(path).set(registry, credential)
  }

  /// Forgets the credential. False if there was none in the `auth_file`.
  public func logout(_ registry: String) throws(BerthError) -> Bool {
    guard let path = self.registry.authFile else { return false }
    return try AuthFile(path).remove(registry)
  }
}

/// A Docker config.json that is written as well. Whatever else it holds stays.
private struct AuthFile {
  let path: String

  init(_ path: String) { self.path = path }

  private func read() throws(BerthError) -> JSONObject {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch {
      if error == .notFound { return [:] }
      throw BerthError(.unavailable, "read registry credentials", path, cause: "\(error)")
    }
    // Refuses what is no such file.
    _ = try DockerConfig(parsing: bytes, file: path)
    return (try? JSON(parsing: bytes))?.object ?? [:]
  }

  func set(_ registry: String, _ credential: RegistryCredential) throws(BerthError) {
    var file = try read()
    if file["credsStore"] != nil || file["credHelpers"]?[registry] != nil {
      throw BerthError(
        .failedPrecondition, "log in", registry, cause: "\(path) names a credential helper for it: store the credential with that")
    }
    var auths = file["auths"]?.object ?? [:]
    for (key, _) in auths where DockerConfig.host(of: key) == DockerConfig.host(of: registry) { auths[key] = nil }
    let key = DockerConfig.host(of: registry) == "docker.io" ? DockerConfig.hub : registry
    auths[key] = ["auth": .string(Base64Text.encode("\(credential.username):\(credential.password)".utf8))]
    file["auths"] = .object(auths)
    try write(file)
  }

  func remove(_ registry: String) throws(BerthError) -> Bool {
    var file = try read()
    var auths = file["auths"]?.object ?? [:]
    let before = auths.count
    for (key, _) in auths where DockerConfig.host(of: key) == DockerConfig.host(of: registry) { auths[key] = nil }
    guard auths.count < before else { return false }
    file["auths"] = .object(auths)
    try write(file)
    return true
  }

  private func write(_ file: JSONObject) throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectories(Files.parent(of: path), mode: 0o755)
      try Files.writeAtomically(Array(JSON.object(file).pretty().utf8) + [10], to: path, mode: 0o600, durable: true)
    } catch { throw BerthError(.unavailable, "keep registry credentials", path, cause: "\(error)") }
  }
}
