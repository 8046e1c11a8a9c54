import BerthCore

/// A pod as `berth status -o json` shows it.
public struct PodView: Sendable {
  public var json: JSON
  public init(_ json: JSON) { self.json = json }

  public var name: String { json["name"]?.string ?? "" }
  public var phase: String { json["phase"]?.string ?? "" }
  public var reason: String { json["reason"]?.string ?? "" }
  public var message: String { json["message"]?.string ?? "" }
  public var isReady: Bool { json["ready"]?.bool ?? false }
  public var uid: String { json["uid"]?.string ?? "" }
  public var specHash: String { json["spec_hash"]?.string ?? "" }
  public var containers: [ContainerView] { (json["containers"]?.array ?? []).map(ContainerView.init) }
  public var initContainers: [ContainerView] { (json["init_containers"]?.array ?? []).map(ContainerView.init) }
  /// The first container; one without any field where there is none.
  public var container: ContainerView { containers.first ?? ContainerView([:]) }

  public func container(_ name: String) -> ContainerView? { containers.first { $0.name == name } }

  /// `True`, `False` or `Unknown`, as Kubernetes has it, or a bare boolean; nil where the condition isn't listed.
  public func condition(_ type: String) -> String? {
    let value = condition(type, "status")
    return value?.bool.map { $0 ? "True" : "False" } ?? value?.string
  }
  /// All that is wrong with the manifest: the condition's message, and each diagnostic as `file:line:col: message help`.
  public var complaints: String {
    let diagnostics = (json["diagnostics"]?.array ?? []).map { item in
      "\(item["file"]?.string ?? ""):\(item["line"]?.integer ?? 0):\(item["column"]?.integer ?? 0): \(item["message"]?.string ?? "") \(item["help"]?.string ?? "")"
    }
    return ([condition("ManifestValid", "message")?.string ?? ""] + diagnostics).joined(separator: "\n")
  }

  private func condition(_ type: String, _ field: String) -> JSON? {
    json["conditions"]?.array?.first { $0["type"]?.string == type }?[field]
  }
}

public struct ContainerView: Sendable {
  public var json: JSON
  public init(_ json: JSON) { self.json = json }

  public var name: String { json["name"]?.string ?? "" }
  public var id: String { json["id"]?.string ?? "" }
  public var state: String { json["state"]?.string ?? "" }
  public var reason: String { json["reason"]?.string ?? "" }
  public var message: String { json["message"]?.string ?? "" }
  public var pid: Int64? { json["pid"]?.integer }
  public var exitCode: Int64? { json["exit_code"]?.integer }
  public var signal: Int64? { json["signal"]?.integer }
  public var restarts: Int64 { json["restart_count"]?.integer ?? -1 }
  public var isRunning: Bool { state == "running" }
}
