import BerthCore
import BerthLinux
import BerthManifest
import BerthSeccomp
import Synchronization

/// Reads one manifest: only when nobody has it open for writing, and only if no stranger could have written it.
struct ManifestReader: Sendable {
  enum Outcome {
    case read(ManifestFile)
    /// Somebody is still writing it: the close will be an event.
    case beingWritten
    case absent

    var isRead: Bool { if case .read = self { true } else { false } }
  }

  /// Whose files are obeyed besides root's.
  let owner: UInt32
  private let ports = NodePorts()
  static let sizeLimit = 1 << 20

  init(owner: UInt32) { self.owner = owner }

  func read(_ path: String) -> Outcome {
    do throws(Errno) {
      let file = try Files.open(path, FileFlags.read | FileFlags.nonBlocking)
      let status = try file.status()
      let identity = FileIdentity(status)
      guard status.kind == .regular else { return refuse(path, "is not a regular file", identity) }
      if let reason = Self.untrusted(status, owner: owner) { return refuse(path, reason, identity) }
      guard status.size <= Self.sizeLimit else { return refuse(path, "is larger than \(Self.sizeLimit) bytes", identity) }
      // What is written from here on leaves another identity, and is read again.
      guard let bytes = try FileLease.readQuiescent(file, size: status.size, limit: Self.sizeLimit) else { return .beingWritten }
      var manifest = ManifestDecoder.decode(bytes, file: path)
      var contents = ContentReader()
      manifest.resolve({ contents.read($0) }, profileProblem: Self.profileProblem)
      if contents.isUnfinished { return .beingWritten }
      let taken = ports.taken(by: manifest)
      // One that waits for a port is looked at again at each rescan.
      return .read(
        ManifestFile(manifest, identity: taken.isEmpty ? identity : .unknown, contents: contents.identities, taken: taken))
    } catch {
      if error == .notFound {
        guard let target = try? Files.readLink(path) else { return .absent }
        return refuse(path, "is a symlink to \(target), which isn't there", .unknown)
      }
      return refuse(path, "cannot be read: \(error)", .unknown)
    }
  }

  private static func profileProblem(_ content: FileContent) -> String? {
    do throws(BerthError) {
      _ = try SeccompProfile(parsing: content.bytes)
      return nil
    } catch { return "\(error)" }
  }

  private func refuse(_ path: String, _ reason: String, _ identity: FileIdentity) -> Outcome {
    .read(ManifestFile(refused: "\(path): \(reason)", identity: identity))
  }

  /// Why a file or directory is not obeyed, nil if it is: it must belong to root or the owner, and nobody else may write it.
  static func untrusted(_ status: FileStatus, owner: UInt32) -> String? {
    guard status.uid == 0 || status.uid == owner else {
      return "belongs to uid \(status.uid); it must belong to root\(owner == 0 ? "" : " or uid \(owner)") ([manifests] owner)"
    }
    if status.permissions & 0o002 != 0 { return "is writable by everybody; chmod o-w it" }
    // A group of the owner's own number is the user's private group.
    if status.permissions & 0o020 != 0 && status.gid != 0 && status.gid != owner { return "is writable by its group; chmod g-w it" }
    return nil
  }
}

extension FileIdentity {
  init(_ status: FileStatus) {
    self.init(
      device: status.device, inode: status.inode, size: status.size, modifiedNanoseconds: status.modifiedNanoseconds,
      changedNanoseconds: status.changedNanoseconds)
  }
}

extension NodePorts {
  fileprivate func taken(by manifest: DecodedManifest) -> [TakenPort] {
    manifest.takenPorts { transport, port, address in
      ListeningSocket.Transport(rawValue: transport.rawValue).flatMap { holder($0, port, on: address) }
    }.map { port in
      var port = port
      port.diagnostic = manifest.shown([port.diagnostic])[0]
      return port
    }
  }
}
