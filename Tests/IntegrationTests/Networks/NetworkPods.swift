import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

/// What network tests do with pods, the node and other hosts.
enum NetworkPods {
  /// Serves its name over HTTP on port 80. `network` replaces the whole line of the manifest; empty: the default.
  static func server(
    _ name: String, network: String = "network = \"bridge\"", container: String = "", tables: String = ""
  ) throws -> String {
    let script = "mkdir /tmp/w; echo \(name) > /tmp/w/index.html; httpd -p 80 -h /tmp/w; \(ManifestText.stay)"
    return try idle(network: network, script: script, container: container, tables: tables)
  }

  static func idle(
    network: String = "network = \"bridge\"", script: String = ManifestText.stay, container: String = "", tables: String = ""
  ) throws -> String {
    try ManifestText.of(script, container: container, tables: tables)
      .replacingFirst("network = \"none\"", with: network).replacingFirst("\"3s\"", with: "\"1s\"")
  }

  static func addresses(_ pod: PodView?) -> [String] { (pod?.json["network"]?["ips"]?.array ?? []).compactMap(\.string) }

  static func shell(_ line: String) throws -> CommandResult { try Command.run("sh", ["-c", line]) }

  /// The answer of a server, or curl's complaint.
  static func curl(_ url: String) throws -> String {
    let result = try Command.run("curl", ["-gsS", "-m", "10", url])
    return result.stdout + result.stderr
  }

  /// As `curl`, until the answer is `wanted`: a server that has just been started may not listen yet.
  static func expect(_ url: String, answers wanted: String) throws {
    var last = ""
    try eventually("\(url) answers \(wanted)", seen: { last }) {
      last = try curl(url)
      return last == "\(wanted)\n"
    }
  }

  /// Runs a program of the node's in the pod's network namespace.
  static func beside(_ pod: PodView, _ line: String) throws -> CommandResult {
    try Command.run("nsenter", ["--net", "--target", "\(pod.container.pid ?? 0)", "sh", "-c", line])
  }
}

extension DaemonUnderTest {
  /// As `run`, for a pod of another namespace.
  @discardableResult
  func run(_ name: String, _ manifest: String, in namespace: String) throws -> PodView {
    try drop(name, manifest)
    return try pod("\(namespace)/\(name)", "runs") { $0.phase == "Running" && $0.containers.allSatisfy(\.isRunning) }
  }

  /// What a shell's line prints in the pod's container.
  func inside(_ pod: String, _ line: String) throws -> String { try berth("exec", pod, "--", "sh", "-c", line).stdout }

  /// Until it prints `wanted`.
  func expect(inside pod: String, _ line: String, prints wanted: String) throws {
    var last: CommandResult?
    try eventually("in pod \(pod), '\(line)' prints \(wanted)", seen: { last.map { "\($0)" } ?? "" }) {
      last = try berth("exec", pod, "--", "sh", "-c", line)
      return last?.stdout == "\(wanted)\n"
    }
  }
}
