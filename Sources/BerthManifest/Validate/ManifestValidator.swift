import BerthCore

/// What `berth validate` says: each file for itself, then the files against each other. Reads nothing, needs no daemon.
public enum ManifestValidator {
  /// In the order of `files`, and within one in the order of its lines. `contents` reads the files that manifests take content from;
  /// without it they aren't looked at. `holder` is as for `DecodedManifest.takenPorts`.
  public static func validate(
    files: [(path: String, bytes: [UInt8])], contents: ((String) -> Result<FileContent, ContentProblem>)? = nil,
    holder: (PortSpec.TransportProtocol, UInt16, IPAddress?) -> String? = { _, _, _ in nil }
  ) -> [Diagnostic] {
    check(
      files.map { path, bytes in
        var manifest = ManifestDecoder.decode(bytes, file: path)
        if let contents { manifest.resolve(contents) }
        manifest.diagnostics += manifest.takenPorts(holder).map(\.diagnostic)
        return (path, manifest)
      })
  }

  /// As `validate`, for manifests that were decoded already.
  public static func check(_ manifests: [(path: String, decoded: DecodedManifest)]) -> [Diagnostic] {
    var owners: [PodKey: String] = [:]
    var claims: [ClaimKey: [(claim: PortClaim, key: PodKey, path: String)]] = [:]
    var diagnostics: [Diagnostic] = []
    var edges: [PodKey: [PodKey]] = [:]
    var endless: Set<PodKey> = []
    for (_, decoded) in manifests {
      guard let spec = decoded.spec else { continue }
      edges[spec.key] = spec.dependsOn.map(\.pod)
      if spec.neverSucceeds { endless.insert(spec.key) }
    }
    let suspects = DependencyCycle.suspects(edges)
    for (path, decoded) in manifests {
      var sink = DiagnosticSink(file: path, source: decoded.source)
      let cycle = decoded.key.flatMap { suspects.contains($0) ? DependencyCycle.through($0, edges: { edges[$0] ?? [] }) : nil }
      // One of a single pod was told already.
      if let cycle, cycle.count > 2 {
        sink.error("depends_on goes in a circle: \(DependencyCycle.words(cycle))", at: decoded.dependencyRange)
      }
      warnOfEndless(decoded, endless, &sink)
      if let key = decoded.key, let first = owners[key] {
        sink.error("pod \(key) is defined twice: here and in \(first)", at: decoded.nameRange)
      } else if let key = decoded.key {
        owners[key] = path
        compare(decoded.claims, of: key, path, &claims, &sink)
      }
      diagnostics += (decoded.diagnostics + sink.diagnostics).sorted { ($0.position, $0.message) < ($1.position, $1.message) }
    }
    return diagnostics
  }

  /// Of pods that it waits for in vain.
  private static func warnOfEndless(_ decoded: DecodedManifest, _ endless: Set<PodKey>, _ sink: inout DiagnosticSink) {
    for (dependency, range) in zip(decoded.spec?.dependsOn ?? [], decoded.dependencyRanges)
    where dependency.condition == .succeeded && endless.contains(dependency.pod) {
      sink.warning(
        "pod \(dependency.pod) never succeeds, since its restart_policy is \"always\"", at: range,
        help: "give it restart_policy = \"on-failure\", or wait for \"started\" or \"ready\"")
    }
  }

  private struct ClaimKey: Hashable {
    var port: UInt16
    var transport: PortSpec.TransportProtocol
  }

  private static func compare(
    _ new: [PortClaim], of key: PodKey, _ path: String, _ claims: inout [ClaimKey: [(claim: PortClaim, key: PodKey, path: String)]],
    _ sink: inout DiagnosticSink
  ) {
    for claim in new {
      let slot = ClaimKey(port: claim.port, transport: claim.transport)
      if let other = claims[slot]?.first(where: { $0.key != key && $0.claim.clashes(with: claim) }) {
        sink.error("port \(claim.text) of the node is already taken by pod \(other.key) (\(other.path))", at: claim.range)
      } else {
        claims[slot, default: []].append((claim, key, path))
      }
    }
  }
}
