import ArgumentParser
import BerthCore
import BerthManifest

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "status", abstract: "Show what is asked for and what is there, pod by pod.")

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("A"), .long], help: "Pods of every namespace.") var allNamespaces = false
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String?

  func run() throws {
    if let pod {
      let key = try options.key(pod)
      let status = try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)")
      if options.output == .json { Terminal.print(JSON.array([status]).pretty()) } else { Terminal.print(StatusText.details(status)) }
      return
    }
    let answer = try options.client.json("GET", "/v1/pods", query: allNamespaces ? [] : [("namespace", options.namespace)])
    let pods = answer["pods"]?.array ?? []
    if options.output == .json {
      Terminal.print(JSON.array(pods).pretty())
    } else {
      Terminal.print(StatusText.table(pods, showNamespace: allNamespaces))
      for pod in pods {
        for diagnostic in pod["diagnostics"]?.array ?? [] { Terminal.print(StatusText.diagnostic(diagnostic)) }
      }
    }
    if let warning = answer["warning"]?.string { Terminal.printError("warning: \(warning)") }
  }
}

/// Status JSON as text for people.
enum StatusText {
  static func table(_ pods: [JSON], showNamespace: Bool) -> String {
    let header = (showNamespace ? ["NAMESPACE"] : []) + ["POD", "PHASE", "READY", "RESTARTS", "AGE", "IMAGE", "MESSAGE"]
    return Terminal.table([header] + pods.map { row($0, showNamespace: showNamespace) })
  }

  private static func row(_ pod: JSON, showNamespace: Bool) -> [String] {
    let containers = pod["containers"]?.array ?? []
    let ready = containers.filter { $0["ready"]?.bool == true }.count
    let restarts = containers.compactMap { $0["restart_count"]?.integer }.reduce(0, +)
    let started = containers.compactMap { $0["started_at"]?.string }.min()
    let images = containers.compactMap { $0["image"]?.string }
    let more = images.count > 1 ? " +\(images.count - 1)" : ""
    return (showNamespace ? [pod["namespace"]?.string ?? ""] : []) + [
      pod["name"]?.string ?? "", pod["phase"]?.string ?? "", "\(ready)/\(containers.count)", "\(restarts)", Terminal.age(of: started),
      (images.first.map(shortImage) ?? "-") + more, message(pod),
    ]
  }

  /// The last part of a path, a registry reference as it is.
  private static func shortImage(_ image: String) -> String {
    guard image.hasPrefix("oci") || image.hasPrefix("docker-archive:"), let slash = image.lastIndex(of: "/") else { return image }
    return String(image[image.index(after: slash)...])
  }

  private static func message(_ pod: JSON) -> String {
    let reason = pod["reason"]?.string ?? ""
    let message = pod["message"]?.string ?? ""
    return Terminal.clean(reason.isEmpty || message.hasPrefix(reason) ? message : message.isEmpty ? reason : "\(reason): \(message)")
  }

  static func details(_ pod: JSON) -> String {
    var rows: [[String]] = []
    for (label, key) in [
      ("Name", "name"), ("Namespace", "namespace"), ("UID", "uid"), ("Phase", "phase"), ("Reason", "reason"), ("Message", "message"),
      ("Source", "source"), ("Spec hash", "spec_hash"), ("Next retry", "next_retry_at"),
    ] { if let text = pod[key]?.string, !text.isEmpty { rows.append(["\(label):", Terminal.clean(text)]) } }
    for (label, key) in [("Labels", "labels"), ("Annotations", "annotations")] {
      let pairs = pod[key]?.object?.map { "\($0.key)=\($0.value.string ?? "")" } ?? []
      if !pairs.isEmpty { rows.append(["\(label):", Terminal.clean(pairs.joined(separator: ", "))]) }
    }
    var text = Terminal.table(rows)
    for (title, key) in [("Init containers", "init_containers"), ("Containers", "containers")] {
      let containers = pod[key]?.array ?? []
      if containers.isEmpty { continue }
      text += "\n\(title):\n" + Terminal.table(containers.map(containerRow))
    }
    for diagnostic in pod["diagnostics"]?.array ?? [] { text += "\n" + self.diagnostic(diagnostic) }
    return text
  }

  private static func containerRow(_ container: JSON) -> [String] {
    let pid = container["pid"]?.integer.map { "pid \($0)" }
    let code = container["exit_code"]?.integer.map { "exit code \($0)" }
    return [
      "  \(container["name"]?.string ?? "")", container["state"]?.string ?? "", pid ?? code ?? "",
      "restarts \(container["restart_count"]?.integer ?? 0)", image(container),
      Terminal.clean(
        [container["reason"]?.string, container["message"]?.string].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")),
    ]
  }

  /// As it was asked for, and what that was when the container was made, unless the one says the other.
  private static func image(_ container: JSON) -> String {
    let asked = container["image"]?.string ?? ""
    guard let digest = container["image_digest"]?.string, !digest.isEmpty, !asked.hasSuffix(digest) else { return asked }
    return "\(asked) (\(digest))"
  }

  /// As the compiler prints it: `file:line:col: error: message`, the line with a caret, what to do.
  static func diagnostic(_ value: JSON) -> String { Diagnostic(json: value)?.rendered ?? "" }
}
