import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc

/// A busybox bundle and a state directory of a test's own; what is left of its containers goes with it.
final class RuntimeBundle {
  let directory: TemporaryDirectory
  var spec: RuntimeSpec
  /// Also the name of its cgroup.
  let id: String

  static let program = "\(Binaries.directory)/berth-runtime"
  static var canRun: Bool { Binaries.isRoot && access(program, X_OK) == 0 && Command.exists("busybox") }
  static var canCompare: Bool { canRun && Command.exists("runc") }

  var bundle: String { "\(directory.path)/bundle" }
  var root: String { "\(directory.path)/root" }

  init(_ script: String) throws {
    directory = try TemporaryDirectory("runtime")
    id = Files.name(of: directory.path)
    var spec = RuntimeSpec()
    var process = RuntimeSpec.Process(args: ["sh", "-c", script])
    process.env = ["PATH=/bin"]
    process.capabilities = RuntimeSpec.Capabilities(only: ContainerDefaults.capabilities)
    process.noNewPrivileges = true
    spec.process = process
    spec.root = RuntimeSpec.Root()
    spec.ociVersion = "1.0.2"
    spec.hostname = "box"
    spec.mounts = ContainerDefaults.mounts()
    var linux = RuntimeSpec.Linux()
    linux.namespaces = [.pid, .network, .ipc, .uts, .mount, .cgroup].map { .init($0) }
    linux.cgroupsPath = "/\(id)"
    linux.maskedPaths = ContainerDefaults.maskedPaths(cpus: 0)
    linux.readonlyPaths = ContainerDefaults.readonlyPaths
    spec.linux = linux
    self.spec = spec
    let files = "\(directory.path)/bundle/rootfs"
    for name in ["bin", "etc", "tmp"] { try Files.makeDirectories("\(files)/\(name)", mode: 0o755) }
    try ProgramFile.copy("busybox", to: "\(files)/bin/busybox")
    for applet in ["sh", "cat", "id", "ls", "grep", "sleep", "true", "ps", "tty", "stat", "touch", "sed", "sort", "mount", "readlink"] {
      symlink("busybox", "\(files)/bin/\(applet)")
    }
  }

  deinit {
    _ = try? self(["delete", "--force", id])
    if let layout = try? CgroupLayout.detect() { try? Cgroup("/\(id)", in: layout)?.remove() }
  }

  func write() throws { try directory.write(String(decoding: spec.json().encoded(), as: UTF8.self), to: "bundle/config.json") }

  /// Calls the runtime.
  @discardableResult
  func callAsFunction(_ arguments: [String], input: String? = nil) throws -> CommandResult {
    try Command.run(Self.program, ["--root", root] + arguments, input: input)
  }

  @discardableResult
  func callAsFunction(_ arguments: String...) throws -> CommandResult { try self(arguments) }

  /// As above, and a failure is the test's.
  @discardableResult
  func must(_ arguments: String...) throws -> CommandResult {
    let result = try self(arguments)
    guard result.exit == 0 else { throw TestFailure("\(result)") }
    return result
  }

  func run() throws -> CommandResult {
    try write()
    return try self(["run", "-b", bundle, id])
  }

  /// Its streams are files of this bundle: whoever waits for the call's own doesn't wait for the container.
  func create() throws {
    try write()
    try must("create", "-b", bundle, "--pid-file", "\(directory.path)/pid", id)
  }

  func status() throws -> String? { try must("state", id).json()["status"]?.string }

  func eventuallyStopped() throws { try eventually("\(id) stops") { try self.status() == "stopped" } }

  /// Whether nothing is left: no folder, no cgroup.
  var isGone: Bool {
    guard let layout = try? CgroupLayout.detect(), let cgroup = Cgroup("/\(id)", in: layout) else { return false }
    return !Files.exists("\(root)/\(id)") && !cgroup.exists()
  }
}
