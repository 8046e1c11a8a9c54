import BerthCore
import BerthLinux
import Glibc

/// What tests do with pods: drop and remove manifests, wait for what follows, read what is so.
extension DaemonUnderTest {
  /// Puts a manifest into the watched directory in one rename, as `berth apply` and careful editors do.
  public func drop(_ name: String, _ manifest: String) throws {
    try directory.write(manifest, to: "manifests/\(name).toml")
  }

  public func remove(_ name: String) throws { try Files.unlink("\(manifests)/\(name).toml") }

  /// Rescans and waits until nothing is left to do. Manifests with errors, which `berth sync` ends with 1 for, are the test's affair.
  public func sync() throws {
    let result = try berth("sync", "--wait", "--timeout", "30s")
    guard result.exit == 0 || result.exit == 1 && result.stderr.contains(": error: ") else { throw TestFailure("\(result)\n\(log)") }
  }

  /// Waits by `berth wait`; the failure shows status and log.
  public func wait(_ pod: String, for state: String, timeout: String = "30s") throws {
    let result = try berth("wait", pod, "--for", state, "--timeout", timeout)
    guard result.exit == 0 else { throw TestFailure("\(result)\n\(try berth("status", "-o", "json").stdout)\n\(log)") }
  }

  /// nil if no such pod is known.
  public func pod(_ name: String) throws -> PodView? {
    let result = try berth("status", name, "-o", "json")
    guard result.exit == 0 else { return nil }
    return try result.json().array?.first.map(PodView.init)
  }

  /// Looks at a pod until `condition` holds for it and returns it as it then was.
  @discardableResult
  public func pod(_ name: String, _ what: String, within deadline: Duration = .seconds(30), until condition: (PodView) -> Bool) throws
    -> PodView
  {
    var last: PodView?
    return try eventually("pod \(name): \(what)", within: deadline, seen: { "\(last?.json.pretty() ?? "no status")\n\(self.log)" }) {
      last = try self.pod(name)
      return last.flatMap { condition($0) ? $0 : nil }
    }
  }

  /// What a pod's container has printed.
  public func logs(_ pod: String, _ options: String...) throws -> String {
    let result = try berth(["logs", pod] + options)
    guard result.exit == 0 else { throw TestFailure("\(result)") }
    return result.stdout
  }

  /// Runs a script as a job to its end and returns what it printed, errors included; parameters as in `ManifestText.of`.
  public func run(job name: String, _ script: String, pod: String = "", container: String = "", tables: String = "") throws -> String {
    try drop(name, ManifestText.job("exec 2>&1\n\(script)", pod: pod, container: container, tables: tables))
    try self.pod(name, "ends") { $0.phase == "Succeeded" || $0.phase == "Failed" }
    return try logs(name)
  }

  /// Drops a pod that stays up and returns it as it runs.
  @discardableResult
  public func run(_ name: String, _ manifest: String) throws -> PodView {
    try drop(name, manifest)
    return try pod(name, "runs") { $0.phase == "Running" && $0.containers.allSatisfy(\.isRunning) }
  }
}
