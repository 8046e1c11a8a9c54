import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc

/// A busybox container with a pod's defaults, run by `runtime-probe` to its end. Whatever it leaves behind goes with it.
final class TestContainer {
  let directory: TemporaryDirectory
  var spec: RuntimeSpec
  var request: LaunchRequest
  let parent: String

  static let probe = "\(Binaries.directory)/runtime-probe"
  static var canRun: Bool { Binaries.isRoot && access(probe, X_OK) == 0 && Command.exists("busybox") }

  var image: String { "\(directory.path)/image" }
  var bundle: String { "\(directory.path)/bundle" }

  init(_ script: String) throws {
    directory = try TemporaryDirectory("container")
    parent = "/berth-test-\(Files.name(of: directory.path))"
    spec = Self.spec(["sh", "-c", script], cgroup: "\(parent)/c")
    request = LaunchRequest(
      id: "c", bundle: "\(directory.path)/bundle",
      rootfs: .overlay(
        lower: ["\(directory.path)/image"], upper: "\(directory.path)/upper", work: "\(directory.path)/work"))
    for name in ["image/bin", "image/etc", "bundle", "upper", "work"] {
      try Files.makeDirectories("\(directory.path)/\(name)", mode: 0o755)
    }
    try ProgramFile.copy("busybox", to: "\(image)/bin/busybox")
    for applet in [
      "sh", "cat", "id", "ls", "mount", "hostname", "dd", "stat", "touch", "grep", "sleep", "mknod", "unshare", "readlink", "mkdir",
    ] {
      symlink("busybox", "\(image)/bin/\(applet)")
    }
    try directory.write("root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n", to: "image/etc/passwd")
    try directory.write("root:x:0:\napp:x:1001:\nextra:x:77:app\n", to: "image/etc/group")
  }

  deinit {
    if let layout = try? CgroupLayout.detect() { try? Cgroup(parent, in: layout)?.remove() }
  }

  private static func spec(_ command: [String], cgroup: String) -> RuntimeSpec {
    var process = RuntimeSpec.Process(args: command)
    process.env = ["PATH=/bin"]
    process.capabilities = RuntimeSpec.Capabilities(only: ContainerDefaults.capabilities)
    process.noNewPrivileges = true
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces + [.init(.uts), .init(.ipc), .init(.network)]
    linux.cgroupsPath = cgroup
    var resources = RuntimeSpec.Resources()
    resources.devices = ContainerDefaults.deviceRules
    linux.resources = resources
    linux.maskedPaths = ContainerDefaults.maskedPaths(cpus: 1)
    linux.readonlyPaths = ContainerDefaults.readonlyPaths
    var spec = RuntimeSpec()
    spec.process = process
    spec.root = RuntimeSpec.Root()
    spec.hostname = "box"
    spec.mounts = ContainerDefaults.mounts()
    spec.linux = linux
    return spec
  }

  struct Run: CustomStringConvertible {
    /// One a launch.
    var results: [JSON]
    /// What the probe had more of at its end.
    var leaks: JSON
    /// Of the container.
    var output: String
    var first: JSON { results.first ?? .null }
    var exit: Int64? { first["exit"]?.integer }
    var error: String { first["error"]?.string ?? "" }
    var lines: [String] { output.split(separator: "\n").map(String.init) }
    var description: String { "\(results.map { $0.pretty() }) \(leaks.pretty()) \(output)" }
  }

  func run(times: Int = 1) throws -> Run {
    try Files.writeAtomically(spec.json().encoded(), to: "\(bundle)/config.json")
    return try runAsWritten(times: times)
  }

  /// With the bundle's config.json as it is.
  func runAsWritten(times: Int = 1) throws -> Run {
    let file = "\(directory.path)/request.json"
    try Files.writeAtomically(request.json().encoded(), to: file)
    let result = try Command.run(Self.probe, [file, String(times)])
    var run = Run(results: [], leaks: .null, output: result.stderr)
    for line in result.stdout.split(separator: "\n") {
      if line.utf8.first == 1 { run.results.append(try JSON(parsing: String(line.dropFirst()))) } else { run.output += "\(line)\n" }
    }
    guard let last = run.results.popLast(), !run.results.isEmpty else { throw TestFailure("\(result)") }
    run.leaks = last
    return run
  }

  var cgroup: Cgroup? { (try? CgroupLayout.detect()).flatMap { Cgroup("\(parent)/c", in: $0) } }
}
