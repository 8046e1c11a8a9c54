import BerthCore
import BerthLinux
import BerthStore

extension ImageService {
  private static func lease(_ target: String) -> String { "mount-\(target)" }

  /// Shows the image's files read-only at `target`, an absolute path of an existing directory, until `unmount` or a reboot. A lease keeps
  /// its layers meanwhile. Throws `alreadyExists` if an image is mounted there.
  public func mount(_ reference: ImageReference, at target: String) throws(BerthError) {
    let target = try place(target, "mount image")
    guard let image = try lookup(reference) else {
      throw BerthError(.notFound, "mount image", "\(reference)", cause: "it is not in the store; berth image pull fetches it")
    }
    try dropDeadMounts()
    let lease = LeaseRecord(id: Self.lease(target), kind: .mount, subject: target, created: Clock.wallNanoseconds())
    do throws(BerthError) { try metadata.addLease(lease, [.image(image.digest)]) } catch {
      guard error.code == .alreadyExists else { throw error }
      throw BerthError(.alreadyExists, "mount image", target, cause: "an image is mounted there; berth image unmount ends that")
    }
    do throws(BerthError) {
      let tree = try tree(of: image)
      do throws(Errno) {
        switch tree {
        case .layers(let layers): try ImageView.attach(layers, at: target)
        case .directory(let path): try ImageView.attach(directory: path, at: target)
        }
      } catch { throw BerthError(.unavailable, "mount image", target, cause: "\(error)") }
    } catch {
      try metadata.removeLease(lease.id)
      throw error
    }
  }

  /// Ends a `mount`. Throws `notFound` where no image is mounted, `failedPrecondition` where somebody uses it.
  public func unmount(_ target: String) throws(BerthError) {
    let target = try place(target, "unmount image")
    guard try metadata.leases(.mount).contains(where: { $0.subject == target }) else {
      throw BerthError(.notFound, "unmount image", target, cause: "no image is mounted there")
    }
    do throws(Errno) { try ImageView.detach(target) } catch {
      // Somebody else has unmounted it.
      guard error == .invalid else {
        guard error == .busy else { throw BerthError(.unavailable, "unmount image", target, cause: "\(error)") }
        throw BerthError(.failedPrecondition, "unmount image", target, cause: "a process works in it or has a file of it open")
      }
    }
    try metadata.removeLease(Self.lease(target))
  }

  private func place(_ target: String, _ operation: String) throws(BerthError) -> String {
    guard target.hasPrefix("/") else { throw BerthError(.invalidArgument, operation, target, cause: "the path must be absolute") }
    do throws(Errno) { return try Files.realPath(target) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, operation, target, cause: "\(error)")
    }
  }

  /// A reboot, or umount(8), ends mounts without a word.
  func dropDeadMounts() throws(BerthError) {
    for lease in try metadata.leases(.mount) where !ImageView.isMountPoint(lease.subject) { try metadata.removeLease(lease.id) }
  }
}
