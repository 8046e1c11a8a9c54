import BerthCore

/// A place in a manifest that names a file of the node whose content it takes.
struct ContentReference: Hashable, Sendable {
  enum Use: Sendable {
    case volume, variable, variables, profile
    /// A secret that is to be a variable; where its volume names the file is told whether that can be read.
    case secretVariable
    /// Only has to be there: the time zone database belongs to the node, and a new version of it changes no manifest.
    case timeZone
  }
  var path: String
  var range: SourceRange
  var use: Use
}

/// Why a file's content can't be had.
public struct ContentProblem: Error, Hashable, Sendable {
  /// As the end of a sentence that begins with the path: `is not there`.
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
}

extension DecodedManifest {
  /// Of one file; what is larger is no configuration.
  public static let contentLimit = 1 << 20

  /// The files of the node whose content belongs to the manifest, each once.
  public var contentPaths: [String] {
    var seen: Set<String> = []
    return references.map(\.path).filter { seen.insert($0).inserted }
  }

  /// Takes the content of the files in: into the spec, and into the hash. What can't be read is an error at the place that names it.
  /// `profileProblem`: why bytes are no seccomp profile, by who knows more of those than that they are JSON objects.
  public mutating func resolve(
    _ read: (String) -> Result<FileContent, ContentProblem>, profileProblem: (FileContent) -> String? = DecodedManifest.profileProblem
  ) {
    guard !references.isEmpty else { return }
    var contents: [String: FileContent] = [:]
    var sink = DiagnosticSink(file: file, source: source)
    for path in contentPaths {
      let result = read(path)
      let isTaken = references.contains { $0.path == path && $0.use != .timeZone }
      if isTaken, case .success(let content) = result { contents[path] = content }
      for reference in references where reference.path == path {
        if let problem = Self.problem(of: result, for: reference, profileProblem) { sink.error(problem, at: reference.range) }
      }
    }
    diagnostics = (diagnostics + sink.diagnostics).sorted { ($0.position, $0.message) < ($1.position, $1.message) }
    guard !sink.hasErrors else {
      (spec, hash) = (nil, nil)
      return
    }
    spec?.fill(contents)
    guard let own = hash else { return }
    var text = own
    for path in contents.keys.sorted() { text += "\n\(path)\n\(SHA256.hexDigest(contents[path]?.bytes ?? []))" }
    hash = SHA256.hexDigest(Array(text.utf8))
  }

  /// As far as can be told without knowing the format: the end of a sentence, nil for a JSON object.
  public static func profileProblem(_ content: FileContent) -> String? {
    do throws(JSONError) {
      return try JSON(parsing: content.bytes).object == nil ? "it is no JSON object" : nil
    } catch { return "\(error)" }
  }

  private static func problem(
    of result: Result<FileContent, ContentProblem>, for reference: ContentReference, _ profileProblem: (FileContent) -> String?
  ) -> String? {
    switch (result, reference.use) {
    case (.failure(let problem), .timeZone): return "no such time zone on this node: \(reference.path) \(problem.reason)"
    case (.success(let content), .timeZone):
      return TimeZoneRules(tzif: content.bytes) == nil ? "\(reference.path) is no time zone file" : nil
    case (.failure, .secretVariable): return nil
    case (.failure(let problem), _): return "\(reference.path) \(problem.reason)"
    case (.success(let content), .variable), (.success(let content), .secretVariable):
      return content.variable == nil ? "\(reference.path) can't be a variable's value: it isn't UTF-8, or has a NUL" : nil
    case (.success(let content), .variables):
      guard case .problem(let line, let words) = EnvFile.parse(content) else { return nil }
      return "\(reference.path):\(line): \(words)"
    case (.success(let content), .profile):
      return profileProblem(content).map { "\(reference.path) is no seccomp profile: \($0)" }
    case (.success, .volume): return nil
    }
  }
}

extension PodSpec {
  /// Puts the content of the node's files where they are named.
  mutating func fill(_ contents: [String: FileContent]) {
    func filled(_ file: ContentFile) -> ContentFile { ContentFile(path: file.path, content: contents[file.path] ?? file.content) }
    func fill(_ container: inout ContainerSpec) {
      container.envFiles = container.envFiles.map(filled)
      for (name, value) in container.env {
        if case .file(let file) = value { container.env[name] = .file(filled(file)) }
      }
      if case .file(let file) = container.security.seccomp { container.security.seccomp = .file(filled(file)) }
    }
    for at in containers.indices { fill(&containers[at]) }
    for at in initContainers.indices { fill(&initContainers[at]) }
    for at in volumes.indices {
      switch volumes[at].source {
      case .config(var set):
        set.from = set.from.mapValues(filled)
        volumes[at].source = .config(set)
      case .secret(var set):
        set.from = set.from.mapValues(filled)
        volumes[at].source = .secret(set)
      default: break
      }
    }
  }

  /// Files of the node that it still has no content of.
  public var missingContents: [String] {
    var paths: [String] = []
    func note(_ file: ContentFile) { if file.content == nil { paths.append(file.path) } }
    for container in initContainers + containers {
      container.envFiles.forEach(note)
      for case .file(let file) in container.env.values { note(file) }
      if case .file(let file) = container.security.seccomp { note(file) }
    }
    for volume in volumes { volume.source.fileSet?.from.values.forEach(note) }
    return paths
  }

  /// A spec that was kept without some contents, made whole by reading them again. nil if one can't be had.
  public func completed(_ read: (String) -> FileContent?) -> PodSpec? {
    var contents: [String: FileContent] = [:]
    for path in missingContents {
      guard let content = read(path) else { return nil }
      contents[path] = content
    }
    var spec = self
    spec.fill(contents)
    return spec
  }

  /// The content of a file of a secret volume.
  public func secret(volume: String, file: String) -> FileContent? {
    guard case .secret(let set)? = volumes.first(where: { $0.name == volume })?.source else { return nil }
    return set.contents[file]
  }
}
