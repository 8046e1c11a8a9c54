import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import Testing

/// Whether the types know everything that the specification's schema has.
@Suite(.enabled(if: Files.exists(Schema.folder), "needs the specification's schema"))
struct SchemaCoverageTests {
  /// What no container on Linux has, and what is refused by name.
  private static let elsewhere: Set<String> = [
    "process.commandLine", "process.user.username", "solaris", "windows", "vm", "zos", "freebsd",
  ]
  private static let refused: Set<String> = ["linux.intelRdt"]

  @Test("every property of the schema survives decoding and encoding, or is refused by name")
  func properties() throws {
    let spec = try RuntimeSpec(parsing: Array(RuntimeSpecTests.full.utf8))
    var schema = Schema()
    let lost = try schema.missing(in: [.object(spec.json().object ?? [:])])
    #expect(Set(lost) == Self.elsewhere.union(Self.refused), "\(lost)")
    #expect(schema.met.count > 150, "\(schema.met.count) properties: this looked at too few")

    for path in Self.refused {
      let text = "{\"ociVersion\":\"1.0.0\",\"linux\":{\"\(path.dropFirst(6))\":{}}}"
      #expect(try RuntimeSpec(parsing: Array(text.utf8)).notModelled == [path])
    }
  }

  @Test("a property that the document lacks is found")
  func sownFault() throws {
    var schema = Schema()
    let text = RuntimeSpecTests.full.replacing("\"burst\":5,", with: "").replacing("\"hcaObjects\":3", with: "\"x\":3")
    let lost = try schema.missing(in: [try JSON(parsing: text)])
    #expect(lost.contains("linux.resources.cpu.burst") && lost.contains("linux.resources.rdma.*.hcaObjects"), "\(lost)")
  }

  /// Words that need a place of their own: what is done with each.
  private static let words: [(definition: String, set: @Sendable (inout RuntimeSpec, String) -> Void)] = [
    ("PersonalityDomain", { $0.linux?.personality = .init($1) }),
    ("RootfsPropagation", { $0.linux?.rootfsPropagation = $1 }),
    ("SchedulerPolicy", { $0.process?.scheduler = .init(policy: $1) }),
    (
      "SchedulerFlag",
      {
        $0.process?.scheduler = .init(policy: "SCHED_OTHER"); $0.process?.scheduler?.flags = [$1]
      }
    ),
    ("MemoryPolicyMode", { $0.linux?.memoryPolicy = .init($1, nodes: "0") }),
    (
      "MemoryPolicyFlag",
      {
        $0.linux?.memoryPolicy = .init("MPOL_BIND", nodes: "0"); $0.linux?.memoryPolicy?.flags = [$1]
      }
    ),
    (
      "SeccompFlag",
      {
        $0.linux?.seccomp = .init(defaultAction: "SCMP_ACT_ALLOW"); $0.linux?.seccomp?.flags = [$1]
      }
    ),
  ]

  @Test("every word that the schema lists is one that plans know", arguments: words.map(\.definition))
  func enumerations(_ definition: String) throws {
    var schema = Schema()
    let listed = try schema.words(of: definition)
    #expect(!listed.isEmpty)
    let set = try #require(Self.words.first { $0.definition == definition }).set
    for word in listed + ["NO_SUCH_WORD"] {
      var spec = RuntimeSpec()
      spec.process = .init(args: ["x"])
      spec.root = .init()
      spec.linux = .init()
      spec.linux?.namespaces = [.init(.mount), .init(.pid)]
      set(&spec, word)
      var facts = PlanFacts(containerID: "id", rootMountPoint: "/run/bundle")
      facts.cgroups = .unified
      if spec.linux?.seccomp != nil { facts.seccompFilter = [6, 0, 0, 0, 0, 0, 0, 0] }
      var cause = ""
      do { _ = try InitPlanner.plan(spec, facts) } catch { cause = error.cause }
      #expect(cause.contains("unknown") == (word == "NO_SUCH_WORD"), "\(word): \(cause)")
    }
  }

  @Test("every namespace that the schema lists is read")
  func namespaces() throws {
    var schema = Schema()
    let listed = try schema.words(of: "NamespaceType")
    #expect(Set(listed) == Set(RuntimeSpec.NamespaceKind.allCases.map(\.rawValue)))
  }
}

/// The specification's schema: JSON Schema, of which it uses properties, items, $ref, anyOf, allOf and additionalProperties.
struct Schema {
  static let folder = "../shared/runtime-spec-schema"

  private var files: [String: JSON] = [:]
  /// Paths of the properties looked at.
  private(set) var met: Set<String> = []

  /// Paths of the properties that none of `documents` has.
  mutating func missing(in documents: [JSON]) throws -> [String] {
    try missing(try read("config-schema.json"), file: "config-schema.json", documents, path: "")
  }

  mutating func words(of definition: String) throws -> [String] {
    let file = try read("defs-linux.json")
    return file["definitions"]?[definition]?["enum"]?.array?.compactMap(\.string) ?? []
  }

  private mutating func missing(_ schema: JSON, file: String, _ instances: [JSON], path: String) throws -> [String] {
    var (schema, file) = (schema, file)
    while let reference = schema["$ref"]?.string { (schema, file) = try resolve(reference, from: file) }
    if let first = schema["anyOf"]?.array?.first { return try missing(first, file: file, instances, path: path) }
    var lost: [String] = []
    for part in schema["allOf"]?.array ?? [] { lost += try missing(part, file: file, instances, path: path) }
    for (name, property) in schema["properties"]?.object ?? [:] {
      let values = instances.compactMap { $0[name] }
      let here = path.isEmpty ? name : "\(path).\(name)"
      met.insert(here)
      // Also for those that are missing: what lies below is met.
      let below = try missing(property, file: file, values, path: here)
      lost += values.isEmpty ? [here] : below
    }
    if let items = schema["items"] {
      lost += try missing(items, file: file, instances.flatMap { $0.array ?? [] }, path: "\(path)[]")
    }
    if let others = schema["additionalProperties"], others.object != nil {
      lost += try missing(others, file: file, instances.flatMap { $0.object?.map(\.value) ?? [] }, path: "\(path).*")
    }
    return lost
  }

  /// `FILE#/a/b`, of the same file without FILE.
  private mutating func resolve(_ reference: String, from file: String) throws -> (JSON, String) {
    let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let target = parts[0].isEmpty ? file : parts[0]
    var schema = try read(target)
    for step in parts.count > 1 ? parts[1].split(separator: "/") : [] { schema = try #require(schema[String(step)], "\(reference)") }
    return (schema, target)
  }

  private mutating func read(_ name: String) throws -> JSON {
    if let known = files[name] { return known }
    let json = try JSON(parsing: try Files.readText("\(Self.folder)/\(name)"))
    files[name] = json
    return json
  }
}
