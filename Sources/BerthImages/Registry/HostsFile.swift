import BerthCore
import BerthManifest

/// A `hosts.toml` as containerd reads it. Keys that it has and this doesn't know are passed over, as there.
/// Source: containerd docs/hosts.md.
public struct HostsFile: Sendable, Equatable {
  public struct Host: Sendable, Equatable {
    public var endpoint: RegistryEndpoint
    /// PEM files.
    public var authorities: [String] = []
    /// PEM files.
    public var client: (certificate: String, key: String?)?

    public static func == (a: Host, b: Host) -> Bool {
      a.endpoint == b.endpoint && a.authorities == b.authorities && a.client?.certificate == b.client?.certificate
        && a.client?.key == b.client?.key
    }
  }

  /// In the order of the file.
  public private(set) var hosts: [Host] = []
  /// What is tried last: `server`, or without it the registry itself, with what the file's top says.
  public private(set) var server: Host

  /// `registry`: whose file it is; `folder`: where relative paths in it start. Throws `invalidArgument` with every error and its place.
  public init(parsing bytes: [UInt8], registry: String, file: String, folder: String) throws(BerthError) {
    let document = TOMLDocument(parsing: bytes)
    var reader = Reader(folder: folder, sink: DiagnosticSink(file: file, source: document.source))
    for error in document.errors { reader.sink.error(error.message, at: error.range) }
    server = Host(endpoint: RegistryEndpoint(registry: registry))
    if let entry = document.root.entry("server"), !(entry.value.string ?? "-").isEmpty, let place = reader.place(entry.value, document.root)
    {
      server.endpoint = place
    }
    reader.read(document.root, into: &server)
    if let entry = document.root.entry("host") {
      if entry.value.table == nil { reader.sink.error("'host' must be a table, not \(entry.value.kind)", at: entry.value.range) }
      for host in entry.value.table?.entries ?? [] {
        guard let table = host.value.table else {
          reader.sink.error("'host.\(host.key)' must be a table, not \(host.value.kind)", at: host.value.range)
          continue
        }
        guard let endpoint = reader.place(TOMLValue(.string(host.key), range: host.keyRange), table) else { continue }
        var parsed = Host(endpoint: endpoint)
        reader.read(table, into: &parsed)
        hosts.append(parsed)
      }
    }
    if hosts.count > Self.limit {
      reader.sink.error("more than \(Self.limit) hosts", at: document.root.entry("host")?.keyRange ?? SourceRange(0, 1))
    }
    guard !reader.sink.hasErrors else {
      throw BerthError(.invalidArgument, "read registry hosts", file, cause: "\n" + reader.sink.sorted.map(\.rendered).joined())
    }
  }

  private static let limit = 64

  /// In the order they are tried. The server comes last, for what no host of the file that is the same place does already: asked once
  /// more, and without what the file says of that host, it could only answer worse.
  public var places: [Host] {
    var last = server
    guard last.hasNoSettings else { return hosts + [last] }
    for host in hosts where host.endpoint.isSamePlace(as: last.endpoint) { last.endpoint.capabilities.subtract(host.endpoint.capabilities) }
    return last.endpoint.capabilities.isEmpty ? hosts : hosts + [last]
  }
}

extension HostsFile.Host {
  /// But for what it may be asked.
  fileprivate var hasNoSettings: Bool {
    authorities.isEmpty && client == nil && endpoint.headers.isEmpty && !endpoint.skipsVerification
  }
}

extension RegistryEndpoint {
  /// Without a scheme of its own a registry is asked over TLS first.
  fileprivate func isSamePlace(as server: RegistryEndpoint) -> Bool {
    host == server.host && path == server.path && (scheme == server.scheme || (scheme == .https && server.scheme == .detect))
  }
}

extension HostsFile {
  /// Reads values, and notes what is wrong with them.
  private struct Reader {
    let folder: String
    var sink: DiagnosticSink

    /// The URL of a place; `table` says whether its path is to be taken as it is.
    mutating func place(_ value: TOMLValue, _ table: TOMLTable) -> RegistryEndpoint? {
      guard let text = value.string else {
        sink.error("'server' must be a string, not \(value.kind)", at: value.range)
        return nil
      }
      guard let endpoint = RegistryEndpoint(url: text, keepsPath: table["override_path"]?.boolean == true) else {
        sink.error("'\(text)' is no http or https URL of a registry", at: value.range)
        return nil
      }
      return endpoint
    }

    mutating func read(_ table: TOMLTable, into host: inout Host) {
      for entry in table.entries {
        let value = entry.value
        switch entry.key {
        case "capabilities": capabilities(value, &host)
        case "ca": host.authorities = paths(value, entry.key)
        case "client": client(value, &host)
        case "skip_verify": if let flag = flag(value, entry.key) { host.endpoint.skipsVerification = flag }
        case "override_path": _ = flag(value, entry.key)
        case "header": headers(value, &host)
        default: break
        }
      }
    }

    private mutating func flag(_ value: TOMLValue, _ key: String) -> Bool? {
      if value.boolean == nil { sink.error("'\(key)' must be true or false, not \(value.kind)", at: value.range) }
      return value.boolean
    }

    private mutating func capabilities(_ value: TOMLValue, _ host: inout Host) {
      guard let items = value.array else {
        return sink.error("'capabilities' must be an array of strings, not \(value.kind)", at: value.range)
      }
      guard !items.isEmpty else { return }
      host.endpoint.capabilities = []
      for item in items {
        switch item.string {
        case "pull": host.endpoint.capabilities.insert(.pull)
        case "resolve": host.endpoint.capabilities.insert(.resolve)
        case "push": host.endpoint.capabilities.insert(.push)
        default: sink.error("a capability must be \"pull\", \"resolve\" or \"push\"", at: item.range)
        }
      }
    }

    /// A string or an array of strings.
    private mutating func paths(_ value: TOMLValue, _ key: String) -> [String] {
      if let text = value.string { return [LexicalPath.resolve(text, from: folder)] }
      guard let items = value.array, items.allSatisfy({ $0.string != nil }) else {
        sink.error("'\(key)' must be a path or an array of paths", at: value.range)
        return []
      }
      return items.compactMap(\.string).map { LexicalPath.resolve($0, from: folder) }
    }

    /// A path, an array of paths, or an array of pairs; of several, the first is used.
    private mutating func client(_ value: TOMLValue, _ host: inout Host) {
      if let first = value.array?.first, let pair = first.array {
        let texts = pair.compactMap(\.string)
        guard texts.count == pair.count, (1...2).contains(texts.count) else {
          return sink.error("a pair of 'client' must be a certificate's path and its key's", at: first.range)
        }
        let key = texts.count == 2 && !texts[1].isEmpty ? LexicalPath.resolve(texts[1], from: folder) : nil
        host.client = (LexicalPath.resolve(texts[0], from: folder), key)
      } else if let first = paths(value, "client").first {
        host.client = (first, nil)
      }
    }

    private mutating func headers(_ value: TOMLValue, _ host: inout Host) {
      guard let table = value.table else { return sink.error("'header' must be a table, not \(value.kind)", at: value.range) }
      for entry in table.entries {
        let texts = entry.value.string.map { [$0] } ?? entry.value.array?.compactMap(\.string) ?? []
        let isName = !entry.key.isEmpty && entry.key.utf8.allSatisfy { RegistryEndpoint.isHeaderName($0) }
        guard isName, !texts.isEmpty, texts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }) else {
          sink.error("'\(entry.key)' must be a header's name, and its value one line or an array of lines", at: entry.keyRange)
          continue
        }
        host.endpoint.headers += texts.map { RegistryEndpoint.Header(name: entry.key, value: $0) }
      }
    }
  }
}

extension RegistryEndpoint {
  /// As a hosts.toml or a mirror list names it: `https://host[:port][/path]`, or `host[:port]`, which is https. `/v2` is added to a path
  /// that doesn't end in it, unless `keepsPath`.
  public init?(url text: String, keepsPath: Bool = false) {
    var rest = Substring(text)
    var scheme = Scheme.https
    if rest.hasPrefix("http://") {
      (scheme, rest) = (.http, rest.dropFirst(7))
    } else if rest.hasPrefix("https://") {
      rest = rest.dropFirst(8)
    }
    let authority = rest.prefix { $0 != "/" }.lowercased()
    guard RegistryReference.isHost(authority), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }),
      !text.contains("?"), !text.contains("#")
    else { return nil }
    self.init(host: authority, scheme: scheme)
    let given = rest.dropFirst(authority.count).split(separator: "/").joined(separator: "/")
    let path = given.isEmpty ? "" : "/" + given
    self.path = keepsPath || path == "/v2" || path.hasSuffix("/v2") ? path : path + "/v2"
  }

  static func isHeaderName(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
