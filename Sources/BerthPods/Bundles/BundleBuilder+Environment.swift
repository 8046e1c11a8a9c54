import BerthCore
import BerthManifest

extension BundleBuilder {
  /// Defaults first, then the image's, the devices', the manifest's files and its own: a later one takes an earlier one's place.
  func environment() throws(BerthError) -> [String] {
    var values: [(name: String, value: String)] = []
    var positions: [String: Int] = [:]
    func set(_ name: String, _ value: String) {
      if let at = positions[name] {
        values[at].value = value
      } else {
        positions[name] = values.count
        values.append((name, value))
      }
    }
    set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    set("HOSTNAME", pod.hostname)
    for entry in image.env {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, !parts[0].isEmpty { set(String(parts[0]), String(parts[1])) }
    }
    for entry in context.devices.env {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, !parts[0].isEmpty { set(String(parts[0]), String(parts[1])) }
    }
    for file in container.envFiles { for (name, value) in EnvFile.variables(file.content) { set(name, value) } }
    for name in container.env.keys.sorted() { if let value = container.env[name] { set(name, try text(of: value)) } }
    return values.map { "\($0.name)=\($0.value)" }
  }

  private func text(of value: EnvValue) throws(BerthError) -> String {
    switch value {
    case .text(let text): return text
    case .file(let file): return file.content?.variable ?? ""
    case .secret(let volume, let file): return pod.secret(volume: volume, file: file)?.variable ?? ""
    case .field(let field): return try text(of: field)
    }
  }

  private func text(of field: EnvField) throws(BerthError) -> String {
    switch field {
    case .podName: return pod.key.name
    case .podNamespace: return pod.key.namespace
    case .podUID: return context.podUID
    case .nodeName: return context.nodeName
    case .podIP:
      // Nobody reaches a pod without a network but itself.
      if let address = context.podIP { return address }
      if pod.network == .none { return "127.0.0.1" }
      throw BerthError(.failedPrecondition, "start container", container.name, cause: "the pod has no address yet (pod.ip)")
    }
  }
}
