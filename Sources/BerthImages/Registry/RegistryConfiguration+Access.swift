import BerthCore
import BerthLinux

extension RegistryConfiguration {
  /// What a worker for `reference` needs to know, read now: a change of hosts.toml, of certificates or of credentials counts from the
  /// next pull on. Throws where one of these files is wrong or a helper fails.
  public func access(for reference: ImageReference) throws(BerthError) -> RegistryAccess {
    guard case .registry(let image) = reference else {
      var access = RegistryAccess()
      access.concurrentDownloads = concurrentDownloads
      return access
    }
    return try access(registry: image.registry)
  }

  /// `registry`: by its name in references.
  public func access(registry: String) throws(BerthError) -> RegistryAccess {
    var access = RegistryAccess()
    access.concurrentDownloads = concurrentDownloads
    access.insecure = insecure
    access.proxy = proxy
    access.timeouts = timeouts
    let docker = try dockerConfig()
    for host in try hosts(of: registry) {
      var endpoint = try Self.loaded(host)
      endpoint.isMirror = endpoint.host != RegistryEndpoint(registry: registry).host
      endpoint.credential = try credential(for: endpoint, registry: registry, docker)
      access.endpoints.append(endpoint)
    }
    return access
  }

  /// In the order they are tried: the registry's directory, or else its short list, and the registry itself at the end.
  private func hosts(of registry: String) throws(BerthError) -> [HostsFile.Host] {
    var own = HostsFile.Host(endpoint: RegistryEndpoint(registry: registry))
    if let file = certificateAuthorities[registry] {
      own.authorities = [file]
      // Who names an authority means TLS.
      own.endpoint.scheme = .https
    }
    if let directory = hostsDirectory, let found = try Self.hosts(of: registry, in: directory) { return found }
    var list: [HostsFile.Host] = []
    for url in mirrors[registry] ?? mirrors["*"] ?? [] {
      guard var endpoint = RegistryEndpoint(url: url) else {
        throw BerthError(.invalidArgument, "read registry mirrors", registry, cause: "\(url) is no http or https URL of a registry")
      }
      endpoint.capabilities = [.pull, .resolve]
      list.append(HostsFile.Host(endpoint: endpoint))
    }
    return list + [own]
  }

  /// As containerd looks: `HOST_PORT_`, `HOST:PORT`, `_default`; the first directory that exists counts.
  private static func hosts(of registry: String, in directory: String) throws(BerthError) -> [HostsFile.Host]? {
    for name in directoryNames(of: registry) {
      let folder = "\(directory)/\(name)"
      let names: [String]
      do throws(Errno) { names = try Files.list(folder) } catch {
        if error == .notFound || error == .notDirectory { continue }
        throw BerthError(.unavailable, "read registry hosts", folder, cause: "\(error)")
      }
      guard names.contains("hosts.toml") else { return [certificates(names, folder, registry)] }
      let path = "\(folder)/hosts.toml"
      let bytes: [UInt8]
      do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch {
        throw BerthError(.unavailable, "read registry hosts", path, cause: "\(error)")
      }
      return try HostsFile(parsing: bytes, registry: registry, file: path, folder: folder).places
    }
    return nil
  }

  static func directoryNames(of registry: String) -> [String] {
    var names = [registry, "_default"]
    if let colon = registry.lastIndex(of: ":"), !registry.hasSuffix("]") {
      names.insert("\(registry[..<colon])_\(registry[registry.index(after: colon)...])_", at: 0)
    }
    return names
  }

  /// A directory without hosts.toml, as Docker has it: `*.crt` are authorities, `*.cert` with `*.key` a client's.
  private static func certificates(_ names: [String], _ folder: String, _ registry: String) -> HostsFile.Host {
    var host = HostsFile.Host(endpoint: RegistryEndpoint(registry: registry))
    for name in names.sorted() {
      if name.hasSuffix(".crt") { host.authorities.append("\(folder)/\(name)") }
      if name.hasSuffix(".cert"), host.client == nil {
        let key = "\(name.dropLast(5)).key"
        host.client = ("\(folder)/\(name)", names.contains(key) ? "\(folder)/\(key)" : nil)
      }
    }
    if !host.authorities.isEmpty { host.endpoint.scheme = .https }
    return host
  }

  /// With the texts of the files that it names: the worker sees no file of the node.
  private static func loaded(_ host: HostsFile.Host) throws(BerthError) -> RegistryEndpoint {
    func text(_ path: String, with kinds: String...) throws(BerthError) -> String {
      let text: String
      do throws(Errno) { text = try Files.readText(path, limit: 1 << 20) } catch {
        throw BerthError(.unavailable, "read certificate", path, cause: "\(error)")
      }
      // What TLS says of such a text names no file.
      for kind in kinds where !text.contains("\(kind)-----") {
        throw BerthError(.invalidArgument, "read certificate", path, cause: "it holds no \(kind.lowercased()) in PEM")
      }
      return text
    }
    var endpoint = host.endpoint
    if !host.authorities.isEmpty {
      var texts: [String] = []
      for path in host.authorities { texts.append(try text(path, with: "CERTIFICATE")) }
      endpoint.authorities = texts.joined(separator: "\n")
    }
    if let client = host.client {
      let certificate = try text(client.certificate, with: "CERTIFICATE")
      var key: String?
      if let path = client.key { key = try text(path, with: "PRIVATE KEY") }
      if key == nil, !certificate.contains("PRIVATE KEY-----") {
        throw BerthError(
          .invalidArgument, "read certificate", client.certificate,
          cause: "it holds no private key, and no file with one is named beside it: client = [[\"CERTIFICATE\", \"KEY\"]]")
      }
      endpoint.client = RegistryEndpoint.ClientCertificate(certificate: certificate, key: key)
    }
    return endpoint
  }

  private func dockerConfig() throws(BerthError) -> DockerConfig? {
    guard let path = authFile else { return nil }
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch {
      if error == .notFound { return nil }
      throw BerthError(.unavailable, "read registry credentials", path, cause: "\(error)")
    }
    return try DockerConfig(parsing: bytes, file: path)
  }

  /// config.toml first, then the Docker file. By the place's own name alone: a mirror never gets the registry's credential.
  private func credential(
    for endpoint: RegistryEndpoint, registry: String, _ docker: DockerConfig?
  ) throws(BerthError) -> RegistryCredential? {
    let name = endpoint.isMirror ? endpoint.host : registry
    if let credential = credentials[name] ?? credentials[endpoint.host] { return credential }
    for answer in try docker?.answers(for: name) ?? [] {
      switch answer {
      case .credential(let credential): return credential
      case .helper(let helper, let server):
        if let credential = try CredentialHelper.credential(helper, server: server) { return credential }
      }
    }
    return nil
  }
}
