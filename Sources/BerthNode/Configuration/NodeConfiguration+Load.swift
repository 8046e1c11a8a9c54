import BerthCore
import BerthImages
import BerthLinux
import BerthManifest

/// What came of a config.toml's bytes.
public struct LoadedConfiguration: Sendable {
  /// nil if there is any error.
  public var configuration: NodeConfiguration?
  /// In the order of the file.
  public var diagnostics: [Diagnostic]

  /// The configuration; else `invalidArgument` with all errors, each with its place, line and help.
  public func get() throws(BerthError) -> NodeConfiguration {
    if let configuration { return configuration }
    throw BerthError(.invalidArgument, "read configuration", cause: "\n" + diagnostics.map(\.rendered).joined())
  }
}

extension NodeConfiguration {
  /// Where the file is looked for when nobody names one.
  public static let defaultPath = "/etc/berth/config.toml"

  /// The configuration of the file at `path`; without a path that of the default file, or the defaults where that doesn't exist.
  /// Throws `invalidArgument` with every error of the file, as `file:line:column: error: …` with its line, and `notFound`,
  /// `permissionDenied` or `unavailable` where it can't be read.
  public static func read(_ path: String?) throws(BerthError) -> NodeConfiguration {
    let bytes: [UInt8]
    let folder: String
    do throws(Errno) {
      bytes = try Files.read(path ?? defaultPath, limit: TOMLLimits().bytes + 1)
      folder = try Files.realPath(LexicalPath.folder(of: path ?? defaultPath))
    } catch {
      if path == nil, error == .notFound { return NodeConfiguration() }
      throw BerthError(code(of: error), "read configuration", path ?? defaultPath, cause: "\(error)")
    }
    return try load(bytes: bytes, file: path ?? defaultPath, folder: folder).get()
  }

  private static func code(of error: Errno) -> ErrorCode {
    switch error {
    case .notFound: .notFound
    case .accessDenied, .notPermitted: .permissionDenied
    default: .unavailable
    }
  }

  /// `file` names the file in diagnostics. Relative paths in it start at `folder`, by default the folder of `file`: give it an absolute
  /// one.
  public static func load(bytes: [UInt8], file: String, folder: String? = nil) -> LoadedConfiguration {
    let document = TOMLDocument(parsing: bytes)
    var sink = DiagnosticSink(file: file, source: document.source)
    for error in document.errors { sink.add(error) }
    var checker = SchemaChecker(root: ConfigurationSchema.root, sink: sink)
    checker.check(document.root)
    sink = checker.sink
    var configuration = NodeConfiguration()
    configuration.read(document.root, folder: folder ?? LexicalPath.folder(of: file))
    for entry in document.root["registry"]?.table?["mirrors"]?.table?.entries ?? [] {
      for url in entry.value.table?["endpoint"]?.array ?? [] where url.string.map({ RegistryEndpoint(url: $0) == nil }) ?? false {
        sink.error("'endpoint' must be http or https URLs of registries", at: url.range)
      }
    }
    if configuration.manifests.resyncInterval < .seconds(1), let value = document.root["manifests"]?.table?["resync_interval"] {
      sink.error("'resync_interval' must be at least 1s", at: value.range)
    }
    if configuration.images.gc.highPercent < 100, configuration.images.gc.lowPercent >= configuration.images.gc.highPercent,
      let value = document.root["images"]?.table?["gc"]
    {
      sink.error("'low_percent' must be below 'high_percent'", at: value.range)
    }
    if let address = configuration.metrics.address, LoopbackAddress(address) == nil,
      let value = document.root["metrics"]?.table?["address"]
    {
      sink.error("'address' must be a loopback address with a port such as \"127.0.0.1:9464\"", at: value.range)
    }
    if configuration.network.pluginTimeout < .seconds(1), let value = document.root["network"]?.table?["plugin_timeout"] {
      sink.error("'plugin_timeout' must be at least 1s", at: value.range)
    }
    if let value = document.root["network"]?.table?["subnets"],
      Set(configuration.network.subnets.map { $0.contains(":") }).count < configuration.network.subnets.count
    {
      sink.error("'subnets' may hold one IPv4 and one IPv6 network", at: value.range)
    }
    return LoadedConfiguration(configuration: sink.hasErrors ? nil : configuration, diagnostics: sink.sorted)
  }

  /// The schema has reported what is wrong; here it counts as absent.
  private mutating func read(_ file: TOMLTable, folder: String) {
    func path(_ table: TOMLTable?, _ key: String) -> String? {
      table?[key]?.string.map { LexicalPath.resolve($0, from: folder) }
    }
    root = path(file, "root") ?? root
    state = path(file, "state") ?? state
    node.name = file["node"]?.table?["name"]?.string ?? node.name
    for entry in file["node"]?.table?["labels"]?.table?.entries ?? [] { node.labels[entry.key] = entry.value.string }
    if let table = file["manifests"]?.table {
      manifests.path = path(table, "path") ?? manifests.path
      manifests.read(table)
    }
    if let table = file["api"]?.table {
      api.address = path(table, "address") ?? api.address
      api.gid = table["gid"]?.integer.flatMap { UInt32(exactly: $0) }
    }
    if let table = file["runtime"]?.table {
      runtime.cgroupParent = table["cgroup_parent"]?.string.map { LexicalPath.normalize($0) } ?? runtime.cgroupParent
      runtime.seccompProfile = path(table, "seccomp_profile")
    }
    images.maxConcurrentDownloads =
      file["images"]?.table?["max_concurrent_downloads"]?.integer.flatMap { Int(exactly: $0) } ?? images.maxConcurrentDownloads
    images.bundles = path(file["images"]?.table, "bundles")
    if let table = file["images"]?.table?["gc"]?.table { images.readCollection(table) }
    if let table = file["registry"]?.table {
      registry.configPath = path(table, "config_path") ?? registry.configPath
      registry.authFile = path(table, "auth_file") ?? registry.authFile
      registry.verifierDirectory = path(table, "verifier_dir")
      registry.read(table)
      for entry in table["policy"]?.table?.entries ?? [] {
        if entry.value.table?["archives"]?.boolean == true { registry.openToArchives.insert(entry.key) }
        registry.policies[entry.key] = (entry.value.table?.strings("keys") ?? []).map { LexicalPath.resolve($0, from: folder) }
      }
    }
    snapshotter =
      (file["snapshots"]?.table?["snapshotter"]?.string).flatMap { Snapshotter.Choice(rawValue: $0) } ?? snapshotter
    metrics.address = file["metrics"]?.table?["address"]?.string
    logs.path = path(file["logs"]?.table, "path")
    if let table = file["network"]?.table {
      network.standard = table["default"]?.string ?? network.standard
      network.subnets = table.strings("subnets") ?? network.subnets
      network.configDir = path(table, "config_dir") ?? network.configDir
      network.pluginDirs = table.strings("plugin_dirs")?.map { LexicalPath.resolve($0, from: folder) } ?? network.pluginDirs
      network.pluginTimeout = table["plugin_timeout"]?.duration ?? network.pluginTimeout
    }
  }
}

extension NodeConfiguration.Manifests {
  fileprivate mutating func read(_ table: TOMLTable) {
    mode = table["mode"]?.string.flatMap { NodeConfiguration.Mode(rawValue: $0) } ?? mode
    owner = table["owner"]?.integer.flatMap { UInt32(exactly: $0) } ?? owner
    resyncInterval = table["resync_interval"]?.duration ?? resyncInterval
    removalDelay = table["removal_delay"]?.duration ?? removalDelay
    let limits = table["prune_guard"]?.table
    pruneGuard.pods = limits?["pods"]?.integer.flatMap { Int(exactly: $0) } ?? pruneGuard.pods
    pruneGuard.percent = limits?["percent"]?.integer.flatMap { Int(exactly: $0) } ?? pruneGuard.percent
  }
}

extension NodeConfiguration.Registry {
  fileprivate mutating func read(_ table: TOMLTable) {
    insecure = table.strings("insecure") ?? insecure
    verifierTimeout = table["verifier_timeout"]?.duration ?? verifierTimeout
    maxVerifiers = table["max_verifiers"]?.integer.flatMap { Int(exactly: $0) } ?? maxVerifiers
    for entry in table["mirrors"]?.table?.entries ?? [] { mirrors[entry.key] = entry.value.table?.strings("endpoint") ?? [] }
    for entry in table["auth"]?.table?.entries ?? [] {
      let fields = entry.value.table
      auth[entry.key] = NodeConfiguration.Credential(
        username: fields?["username"]?.string ?? "", password: fields?["password"]?.string ?? "")
    }
  }
}

extension NodeConfiguration.Images {
  fileprivate mutating func readCollection(_ table: TOMLTable) {
    gc.highPercent = table["high_percent"]?.integer.flatMap { Int(exactly: $0) } ?? gc.highPercent
    gc.lowPercent = table["low_percent"]?.integer.flatMap { Int(exactly: $0) } ?? gc.lowPercent
    gc.minimumAge = table["minimum_age"]?.duration ?? gc.minimumAge
  }
}
