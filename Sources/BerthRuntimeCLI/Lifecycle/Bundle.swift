import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// A bundle that was read and makes sense, before anything is made of it.
struct Bundle {
  let path: String
  let spec: RuntimeSpec
  let config: [UInt8]
  /// Absolute.
  let rootfs: String

  init(_ given: String) throws(BerthError) {
    let absolute = try RuntimeProgram.absolute(given)
    do throws(Errno) {
      path = try Files.realPath(absolute)
      config = try Files.readRegular("\(path)/config.json", limit: 4 << 20)
    } catch {
      let cause = error == .notFound ? "no such file or directory" : error == .invalid ? "is no regular file" : error.description
      throw BerthError(.notFound, "read config.json", "\(absolute)/config.json", cause: cause)
    }
    var spec = try RuntimeSpec(parsing: config)
    guard let root = spec.root else { throw BerthError(.invalidArgument, "read config.json", "root", cause: "is missing") }
    guard !root.path.isEmpty else { throw BerthError(.invalidArgument, "read config.json", "root.path", cause: "is empty") }
    rootfs = root.path.hasPrefix("/") ? root.path : "\(path)/\(root.path)"
    Self.makeAbsolute(&spec, path)
    self.spec = spec
  }

  /// Sources of binds count from the bundle.
  static func makeAbsolute(_ spec: inout RuntimeSpec, _ bundle: String) {
    for at in spec.mounts.indices {
      let mount = spec.mounts[at]
      let isBind = mount.type == "bind" || mount.options.contains("bind") || mount.options.contains("rbind")
      if isBind, let source = mount.source, !source.isEmpty, !source.hasPrefix("/") { spec.mounts[at].source = "\(bundle)/\(source)" }
    }
  }

  /// The container's own copy of the root, attached nowhere.
  func openRoot() throws(BerthError) -> FD {
    do throws(Errno) {
      guard try Files.linkStatus(rootfs).kind == .directory else { throw Errno.notDirectory }
      return try DetachedMount.copy(rootfs, recursive: true)
    } catch { throw BerthError(.failedPrecondition, "mount root file system", rootfs, cause: error.description) }
  }

  /// `linux.cgroupsPath` from the cgroup mounts' root, or one named after the container.
  static func cgroup(_ spec: RuntimeSpec, id: String) throws(BerthError) -> Cgroup {
    let given = spec.linux?.cgroupsPath ?? ""
    let path = given.isEmpty ? "/\(id)" : given.hasPrefix("/") ? given : "/\(given)"
    guard let cgroup = Cgroup(path, in: try NodeCgroups.required()) else {
      throw BerthError(.invalidArgument, "read config.json", "linux.cgroupsPath", cause: "is no path of a cgroup")
    }
    return cgroup
  }

  /// As runc has it: every device that no rule allows is denied, the standard ones are always allowed.
  static func resources(_ spec: RuntimeSpec) -> RuntimeSpec.Resources {
    var resources = spec.linux?.resources ?? RuntimeSpec.Resources()
    resources.devices = ContainerDefaults.complete(resources.devices)
    return resources
  }

  /// Open files of the namespaces that the spec names by path, close-on-exec and open as long as this process lives.
  static func openNamespaces(_ spec: RuntimeSpec, id: String) throws(BerthError) -> [RuntimeSpec.NamespaceKind: Int32] {
    var open: [RuntimeSpec.NamespaceKind: Int32] = [:]
    for namespace in spec.linux?.namespaces ?? [] {
      guard let path = namespace.path else { continue }
      do throws(Errno) { open[namespace.type] = try Files.openReadOnly(path).release() } catch {
        throw BerthError(.failedPrecondition, "open namespace", path, cause: error.description)
      }
    }
    return open
  }
}
