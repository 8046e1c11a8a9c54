import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `spec`: a config.json to begin with.
enum SpecCommand {
  static func perform(_ words: [String]) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(flags: ["rootless"], values: ["bundle b"]), command: "spec")
    if words.has("rootless") { throw BerthError(.unsupported, "spec", "--rootless", cause: "only root runs containers") }
    let directory = try RuntimeProgram.absolute(words.value("bundle") ?? ".")
    do throws(Errno) {
      try Files.writeNew(Array((standard().json().pretty() + "\n").utf8), to: "\(directory)/config.json", mode: 0o666)
    } catch {
      let cause = error == .exists ? "is there already: remove it first" : error.description
      throw BerthError(error == .exists ? .alreadyExists : .unavailable, "write spec", "\(directory)/config.json", cause: cause)
    }
    return 0
  }

  /// A shell in rootfs/, with a pod's defaults.
  static func standard() -> RuntimeSpec {
    var process = RuntimeSpec.Process(args: ["sh"])
    process.terminal = true
    process.env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]
    process.capabilities = RuntimeSpec.Capabilities(only: ContainerDefaults.capabilities)
    process.rlimits = ContainerDefaults.rlimits
    process.noNewPrivileges = true
    var linux = RuntimeSpec.Linux()
    linux.namespaces = [.pid, .network, .ipc, .uts, .mount, .cgroup].map { .init($0) }
    var resources = RuntimeSpec.Resources()
    resources.devices = [.init(allow: false)]
    linux.resources = resources
    linux.maskedPaths = ContainerDefaults.maskedPaths(cpus: 0)
    linux.readonlyPaths = ContainerDefaults.readonlyPaths
    var spec = RuntimeSpec()
    spec.process = process
    spec.root = RuntimeSpec.Root(path: "rootfs", readonly: true)
    spec.hostname = "berth"
    spec.mounts = ContainerDefaults.mounts()
    spec.linux = linux
    return spec
  }
}
