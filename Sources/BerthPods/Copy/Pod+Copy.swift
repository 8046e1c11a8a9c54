import BerthCore
import BerthLinux

extension Pod {
  /// Begins to copy files out of or into `name`, or the pod's first container, which must run. `path` is resolved in the container: `/`,
  /// `..` and symlinks mean what they mean there. Blocks; a pod without its shim can be copied from and to as well.
  public func copy(_ name: String?, _ path: String, _ direction: ContainerCopy.Direction) throws(BerthError) -> ContainerCopy {
    let wanted = name ?? record.spec.containers.first?.name ?? ""
    guard record.spec.allContainers.contains(where: { $0.name == wanted }) else {
      throw BerthError(.notFound, "copy files", "\(key)/\(wanted)", cause: "the pod has no such container")
    }
    let facts = try PodFacts.read(paths.state).containers[wanted]
    guard let process = facts?.initRecord?.process, facts?.isInitAlive == true else {
      throw BerthError(.failedPrecondition, "copy files", "\(key)/\(wanted)", cause: "the container doesn't run")
    }
    let root: FD
    do throws(Errno) {
      root = try Self.openRoot(of: process)
    } catch { throw BerthError(.failedPrecondition, "copy files", "\(key)/\(wanted)", cause: "the container doesn't run (\(error))") }
    return try ContainerCopy(direction, root: root, path: path, worker: context.images.workerPath, subject: "\(key)/\(wanted)")
  }

  /// The root directory as that very process sees it.
  private static func openRoot(of process: ProcessIdentity) throws(Errno) -> FD {
    let root = try Files.open("/proc/\(process.pid)/root", FileFlags.path | FileFlags.directory)
    // Still the same: the number was its own when the root was opened.
    guard process.isAlive else { throw .noSuchProcess }
    return root
  }
}
